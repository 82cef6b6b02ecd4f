"""Judges: label parser, rule-based judge and its faults, both orders, and a chat endpoint on loopback."""

import base64
import io
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib.arena.battles import checked
from course_lib.arena.judging.chat_judge import VARIABLES, ChatJudge, JudgeError
from course_lib.arena.judging.judges import (
    LABELS,
    Verdict,
    judge_battles,
    parse_label,
    position_bias,
    swapped,
)
from course_lib.arena.judging.rule_judge import RuleJudge, quality
from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.world import Question, World, WorldConfig
from course_lib.world.render import image

COLOUR = Question("What colour is the car?", "red", "general")
MIRROR = dict(zip(LABELS, reversed(LABELS), strict=True))


class Fixed:
    """Gives one label after the other."""

    def __init__(self, *labels):
        self.labels = list(labels)

    def ask(self, question, answer_a, answer_b, scene=None):
        return Verdict(self.labels.pop(0), "because")


# the parser


@pytest.mark.parametrize("label", LABELS)
def test_a_label_in_double_brackets_is_found_in_any_text(label):
    assert parse_label(f"My answer is red. A says > B. Verdict: [[{label}]].") == label
    assert parse_label(f"[[{label}]] and again [[ {label} ]]") == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A>B",
        "[A>B]",
        "[[A]]",
        "[[A>>>B]]",
        "[[A<B]]",
        "[[tie]]",
        "[[A>B]] or rather [[A=B]]",
        "[[A>B]] [[A]]",
        "[[a>b]]",
    ],
)
def test_anything_else_is_no_verdict(text):
    assert parse_label(text) is None


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="[]AB<>= x", max_size=20))
def test_no_text_makes_the_parser_fail(text):
    assert parse_label(text) in (*LABELS, None)


def test_a_verdict_knows_its_labels():
    with pytest.raises(ValueError, match="'A<B' was given; a label is one of A>>B"):
        Verdict("A<B", "")
    with pytest.raises(ValueError, match="'tie' was given"):
        Verdict(None, "", ("A>B", "tie"))


# the rule-based judge


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("red", 2),
        ("Red.", 2),
        ("It is a RED one!", 2),
        ("redder", 0),
        ("red, a little greenish", 2),
        ("red or blue", 1),
        ("blue", 0),
        ("", 0),
    ],
)
def test_quality_of_a_colour(answer, expected):
    assert quality(COLOUR, answer) == expected


def test_quality_of_numbers_and_of_named_things():
    number = Question("How many objects are in the picture?", "3", "vision_centric")
    for text, expected in (("3", 2), ("three objects", 2), ("13", 0), ("3 or 4", 1), ("one, no, 3", 2)):
        assert quality(number, text) == expected
    larger = Question("Which is larger, the red car or the cat?", "red car", "vision_centric")
    for text, expected in (("The red car.", 2), ("the cat", 0), ("car", 0), ("the red car, not the cat", 1)):
        assert quality(larger, text) == expected


def test_it_knows_every_answer_of_the_world():
    for switches in ({}, {"words": True}, {"charts": True}, {"horizon": False}):
        world = World(WorldConfig(**switches))
        for index in range(15):
            for question in world.questions(world.scene(index)):
                assert quality(question, f"The answer is {question.answer}.") == 2
                assert quality(question, "The answer is something else.") == 0


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("red", "blue", "A>>B"),
        ("blue", "red", "B>>A"),
        ("red", "red or blue", "A>B"),
        ("red or blue", "blue", "A>B"),
        ("red", "Red.", "A=B"),
        ("blue", "green", "A=B"),
    ],
)
def test_the_label_follows_from_both_qualities(a, b, label):
    assert RuleJudge().ask(COLOUR, a, b).label == label


def test_the_reason_names_the_right_answer():
    reason = RuleJudge().ask(COLOUR, "red", "red or blue").reason
    assert reason == 'The right answer is "red": A is right, B names the right answer beside another.'


def test_a_question_as_text_is_looked_up_in_the_scene():
    world = World(WorldConfig())
    scene = world.scene(3)
    question = world.questions(scene)[0]
    assert RuleJudge().ask(question.text, question.answer, "nothing", scene).label == "A>>B"
    with pytest.raises(ValueError, match="came as text without a scene"):
        RuleJudge().ask(question.text, "a", "b")
    with pytest.raises(ValueError, match=r"is none of the \d+ questions of scene 3"):
        RuleJudge().ask("Why?", "a", "b", scene)


def test_each_fault_shows_as_what_it_is():
    first, second = "blue", "green"  # equally wrong
    assert RuleJudge(position_bias=0.9).ask(COLOUR, first, second).label == "A>B"
    assert RuleJudge(position_bias=-0.9).ask(COLOUR, first, second).label == "B>A"
    long = "After looking at it for a long time it seems blue"
    assert RuleJudge(length_bias=1).ask(COLOUR, long, second).label == "A>B"
    assert RuleJudge(length_bias=1).ask(COLOUR, second, long).label == "B>A"
    assert RuleJudge(failure=1).ask(COLOUR, first, second).label is None
    # faults that are small beside the difference change nothing
    assert RuleJudge(position_bias=0.4, length_bias=0.05).ask(COLOUR, "red", "blue").label == "A>>B"


@pytest.mark.parametrize(("bias", "label"), [(0.4, "A>B"), (0.6, "A>>B"), (-0.4, "A>B"), (-0.6, "A=B")])
def test_a_margin_becomes_a_label_at_one_half_and_at_one_and_a_half(bias, label):
    assert RuleJudge(position_bias=bias).ask(COLOUR, "red or blue", "blue").label == label


def test_each_picture_has_its_own_noise():
    world, judge = World(WorldConfig()), RuleJudge(noise=3.0)
    said = {judge.ask(COLOUR, "blue", "green", world.scene(index)).label for index in range(20)}
    assert len(said) > 2


def test_noise_and_failure_repeat_and_do_not_depend_on_the_order_of_asking():
    judge = RuleJudge(noise=1.0, failure=0.2, seed=3)
    answers = [f"blue {number}" for number in range(60)]
    said = [judge.ask(COLOUR, answer, "green").label for answer in answers]
    again = [judge.ask(COLOUR, answer, "green").label for answer in reversed(answers)][::-1]
    assert said == again
    assert {None, "A>B", "A=B", "B>A"} <= set(said)
    assert said != [RuleJudge(noise=1.0, failure=0.2, seed=4).ask(COLOUR, a, "green").label for a in answers]
    assert 2 <= said.count(None) <= 25


def test_bad_faults_are_named():
    with pytest.raises(ValueError, match="noise=-1 was given"):
        RuleJudge(noise=-1)
    with pytest.raises(ValueError, match="failure=2 was given"):
        RuleJudge(failure=2)


# both orders


@pytest.mark.parametrize("first", LABELS)
@pytest.mark.parametrize("second", LABELS)
def test_both_orders_give_the_mean_rounded_to_the_tie(first, second):
    value = dict(zip(LABELS, (2, 1, 0, -1, -2), strict=True))
    verdict = swapped(Fixed(first, MIRROR[second])).ask(COLOUR, "a", "b")
    assert value[verdict.label] == int((value[first] + value[second]) / 2)
    assert verdict.orders == (first, second)
    assert verdict.consistent == (np.sign(value[first]) == np.sign(value[second]))


def test_a_missing_order_is_a_missing_verdict():
    for labels in ((None, "A>B"), ("A>B", None), (None, None)):
        verdict = swapped(Fixed(*labels)).ask(COLOUR, "a", "b")
        assert verdict.label is None
        assert verdict.consistent is None
    assert Verdict("A>B", "").consistent is None


def test_both_orders_undo_a_bias_of_position_and_say_so():
    judge = RuleJudge(position_bias=1.0)
    assert judge.ask(COLOUR, "blue", "green").label == "A>B"
    verdict = swapped(judge).ask(COLOUR, "blue", "green")
    assert (verdict.label, verdict.orders, verdict.consistent) == ("A=B", ("A>B", "B>A"), False)
    assert swapped(judge).ask(COLOUR, "red", "blue").label == "A>B"  # A>>B and A>B
    unbiased = swapped(RuleJudge()).ask(COLOUR, "red", "blue")
    assert (unbiased.label, unbiased.consistent) == ("A>>B", True)


# many comparisons


def comparisons(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Two models of equal skill, sides at random."""
    rng = np.random.default_rng(seed)
    answers = rng.choice(["red", "blue"], (n, 2))
    left = rng.random(n) < 0.5
    return pd.DataFrame(
        {
            "model_a": np.where(left, "one", "two"),
            "model_b": np.where(left, "two", "one"),
            "question": [Question(f"What colour is car {i}?", "red", "general") for i in range(n)],
            "answer_a": answers[:, 0],
            "answer_b": answers[:, 1],
        }
    )


def test_judged_comparisons_become_battles():
    judged = judge_battles(swapped(RuleJudge(position_bias=0.6, failure=0.1)), comparisons())
    assert judged["verdict"].isna().any()
    assert judged.loc[judged["verdict"].isna(), "winner"].isna().all()
    battles = checked(judged.dropna(subset=["winner"]))
    right = battles[battles["answer_a"] != battles["answer_b"]]
    assert (right["winner"] == np.where(right["answer_a"] == "red", "model_a", "model_b")).all()
    assert bradley_terry(battles)["one"] == pytest.approx(0.5, abs=0.1)
    assert judged["consistent"].dropna().isin([True, False]).all()


def test_position_bias_is_found_and_nothing_is_found_where_there_is_none():
    fair = position_bias(judge_battles(RuleJudge(), comparisons())["winner"])
    assert fair.low < 0.5 < fair.high
    assert fair.undecided > 0
    biased = position_bias(judge_battles(RuleJudge(position_bias=0.6), comparisons())["verdict"])
    assert biased.low > 0.5
    assert biased.p_value < 1e-6
    assert str(biased).startswith(f"the first answer was preferred in {biased.first} of ")


def test_position_bias_by_hand_and_without_decisions():
    found = position_bias(pd.Series(["model_a"] * 30 + ["model_b"] * 10 + ["tie"] * 5 + [None]))
    assert (found.first, found.second, found.undecided, found.share) == (30, 10, 5, 0.75)
    z = 1.959964
    center, half = (30 + z**2 / 2) / (40 + z**2), z * np.sqrt(30 * 10 / 40 + z**2 / 4) / (40 + z**2)
    assert (found.low, found.high) == pytest.approx((center - half, center + half), abs=1e-6)
    none = position_bias(pd.Series(["tie", "tie"]))
    assert np.isnan(none.share)
    assert str(none) == "no side was ever chosen (2 undecided)"
    with pytest.raises(ValueError, match="'A' at position 0"):
        position_bias(pd.Series(["A"]))


def test_bad_comparisons_are_named():
    with pytest.raises(ValueError, match="question and answer_b is missing; there are model, answer_a"):
        judge_battles(RuleJudge(), pd.DataFrame({"model": [1], "answer_a": ["x"]}))
    with pytest.raises(ValueError, match="nothing to judge"):
        judge_battles(RuleJudge(), comparisons().iloc[:0])


# a chat endpoint


@contextmanager
def endpoint(*replies):
    """A server on loopback that gives the replies in turn: (status, body) or a text as the model's answer."""
    replies, seen = list(replies), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers.get("Authorization"), body))
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if isinstance(reply, str):
                reply = 200, json.dumps({"choices": [{"message": {"content": reply}}]}), {}
            status, text, headers = reply
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def judge_at(url: str, **options) -> ChatJudge:
    return ChatJudge(url, "tiny", sleep=lambda seconds: None, **options)


def test_it_asks_with_picture_and_key_and_reads_the_label():
    world = World(WorldConfig())
    with endpoint("It is red, so A. [[A>>B]]") as (url, seen):
        verdict = judge_at(url, key="secret").ask(COLOUR, "red", "blue", world.scene(0))
        assert judge_at(url).ask("What colour?", "red", "blue").label == "A>>B"
    assert verdict == Verdict("A>>B", "It is red, so A. [[A>>B]]")
    path, bearer, body = seen[0]
    assert (path, bearer) == ("/v1/chat/completions", "Bearer secret")
    assert (body["model"], body["temperature"]) == ("tiny", 0)
    text, picture = body["messages"][1]["content"]
    assert COLOUR.text in text["text"]
    assert text["text"].index("Answer A: red") < text["text"].index("Answer B: blue")
    kind, encoded = picture["image_url"]["url"].split(",")
    assert kind == "data:image/png;base64"
    height, width, _ = image(world.scene(0)).shape
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (4 * width, 4 * height)
    assert seen[1][1] is None
    assert isinstance(seen[1][2]["messages"][1]["content"], str)


def test_a_reply_without_label_is_asked_once_more_and_then_missing():
    with endpoint("I cannot say.", "[[A=B]]") as (url, seen):
        assert judge_at(url).ask(COLOUR, "a", "b").label == "A=B"
    assert len(seen) == 2
    with endpoint("I cannot say.") as (url, seen):
        verdict = judge_at(url).ask(COLOUR, "a", "b")
    assert verdict == Verdict(None, "No single verdict in the reply: I cannot say.")
    assert len(seen) == 2


def test_two_labels_are_no_verdict_and_not_asked_again():
    with endpoint("[[A>B]] ... no, [[B>A]]") as (url, seen):
        assert judge_at(url).ask(COLOUR, "a", "b").label is None
    assert len(seen) == 1


@pytest.mark.parametrize(
    "failure",
    [(500, "", {}), (429, "", {}), (200, "not json", {}), (200, '{"choices": []}', {}), (200, "[]", {})],
)
def test_what_may_pass_is_tried_again_with_longer_pauses(failure):
    pauses = []
    with endpoint(failure, failure, "[[B>A]]") as (url, seen):
        judge = ChatJudge(url, "tiny", attempts=3, pause=1.5, sleep=pauses.append)
        assert judge.ask(COLOUR, "a", "b").label == "B>A"
    assert len(seen) == 3
    assert pauses == [1.5, 3.0]


def test_a_server_that_keeps_failing_is_a_missing_verdict_with_its_reason():
    with endpoint((503, "", {})) as (url, seen):
        verdict = judge_at(url).ask(COLOUR, "a", "b")
    assert verdict.label is None
    assert verdict.reason == f"The judge could not be asked: {url}/chat/completions answered 503."
    assert len(seen) == 3
    verdict = judge_at(url, attempts=1).ask(COLOUR, "a", "b")  # the server is gone by now
    assert verdict.label is None
    assert "cannot be reached" in verdict.reason


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_stops_everything_and_the_key_stays_secret(status):
    with endpoint((status, "", {})) as (url, seen):
        judge = judge_at(url, key="secret-key")
        with pytest.raises(JudgeError, match=f"answered {status}.*Nothing was judged") as error:
            judge.ask(COLOUR, "a", "b")
    assert len(seen) == 1
    assert "secret-key" not in str(error.value) + repr(judge)


def test_a_redirect_is_refused_so_that_the_key_goes_nowhere_else():
    with (
        endpoint("[[A>B]]") as (elsewhere, stolen),
        endpoint((302, "", {"Location": f"{elsewhere}/chat/completions"})) as (url, _),
        pytest.raises(JudgeError, match="answered 302"),
    ):
        judge_at(url, key="secret").ask(COLOUR, "a", "b")
    assert stolen == []


def test_an_endless_reply_is_cut_off():
    with endpoint((200, "x" * (1 << 21), {})) as (url, _):
        verdict = judge_at(url, attempts=1).ask(COLOUR, "a", "b")
    assert verdict.label is None
    assert "sent more than 1,048,576 bytes" in verdict.reason


def test_nothing_is_configured_by_default_and_the_environment_is_read(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"COURSE_JUDGE_URL and COURSE_JUDGE_MODEL are not set.*RuleJudge"):
        ChatJudge.from_environment()
    monkeypatch.setenv("COURSE_JUDGE_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match=r"ChatJudge: COURSE_JUDGE_MODEL is not set"):
        ChatJudge.from_environment()
    monkeypatch.setenv("COURSE_JUDGE_MODEL", "tiny")
    assert ChatJudge.from_environment() == ChatJudge("http://127.0.0.1:1/v1", "tiny")
    monkeypatch.setenv("COURSE_JUDGE_KEY", "k")
    assert ChatJudge.from_environment().key == "k"


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="it starts with http:// or https://"):
        ChatJudge("file:///etc/passwd", "tiny")
    with pytest.raises(ValueError, match="attempts=0 was given"):
        ChatJudge("http://x", "tiny", attempts=0)
