"""The arena's commands: serve it to a class, and afterwards export, clean and rate the votes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

EXAMPLE = """\
examples:
  course arena serve --db votes.db
  course arena serve --db votes.db --host 0.0.0.0 --port 8765     (a class in the same network)
  course arena ratings votes.db --clean
  course arena export votes.db --into battles.jsonl               (FastChat's format; .json, .csv too)

Stop the server with Ctrl-C and start it again on the same --db at any time: no vote is lost.
"""


def add_to(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `arena` to the `course` command. add: its `add`."""
    arena = add("arena", arena_command)
    arena.epilog, arena.formatter_class = EXAMPLE, argparse.RawDescriptionHelpFormatter
    actions = arena.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        summary = (function.__doc__ or "").splitlines()[0]
        parser = actions.add_parser(name, help=summary, description=summary)
        parser.set_defaults(action_function=function)
        return parser

    serve = action("serve", serve_command)
    serve.add_argument(
        "--db", type=Path, default=Path("arena.db"), help="file of the votes (default arena.db)"
    )
    serve.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 for other machines (default: this one only)"
    )
    serve.add_argument("--port", type=int, default=8765)
    serve.add_argument(
        "--seed", type=int, default=0, help="of questions, pairs, sides and answers (default 0)"
    )
    serve.add_argument("--questions", type=int, default=200, help="how many different ones (default 200)")
    serve.add_argument("--policy", choices=("fewest", "uniform"), default="fewest", help="which pair is next")
    serve.add_argument("--expires", type=float, default=30.0, help="minutes to vote on a pair (default 30)")
    serve.add_argument("--per-minute", type=float, default=30.0, help="votes of one voter (default 30)")
    serve.add_argument("--per-day", type=int, default=500, help="votes of one voter (default 500)")
    export = action("export", export_command)
    export.add_argument("db", type=Path)
    export.add_argument(
        "--into", type=Path, required=True, help="a .jsonl, .json or .csv that is not there yet"
    )
    ratings = action("ratings", ratings_command)
    ratings.add_argument("battles", type=Path, help="the votes' .db, or an exported .jsonl or .json")
    ratings.add_argument("--clean", action="store_true", help="without repetitions and outlier voters")
    ratings.add_argument("--penalty", type=float, default=0.0, help="on log strengths (default 0, none)")


def arena_command(arguments: argparse.Namespace) -> int:
    """Play the arena: serve it to a class, export and rate its votes."""
    return arguments.action_function(arguments)


def serve_command(arguments: argparse.Namespace) -> int:
    """Serve the arena as a web page until Ctrl-C."""
    from course_lib.arena.playing.hygiene import Limits
    from course_lib.arena.playing.questions import pool
    from course_lib.arena.playing.serve.running import serve
    from course_lib.arena.playing.session import Arena
    from course_lib.arena.playing.votes import VoteStore

    store = VoteStore(arguments.db)
    try:
        arena = Arena(
            store,
            questions=pool(arguments.questions, arguments.seed),
            policy=arguments.policy,
            seed=arguments.seed,
            limits=Limits(per_minute=arguments.per_minute, per_day=arguments.per_day),
            expires=60.0 * arguments.expires,
        )
        serve(arena, arguments.host, arguments.port)
    finally:
        store.close()
    return 0


def export_command(arguments: argparse.Namespace) -> int:
    """Write the votes in FastChat's format, or as a table."""
    from course_lib.arena.playing.fastchat import export

    count = export(arguments.db, arguments.into)
    print(f"Written: {arguments.into}, {count} votes")
    return 0


def ratings_command(arguments: argparse.Namespace) -> int:
    """Print the ratings of the votes, best first."""
    import pandas

    from course_lib.arena.playing.fastchat import battles_of
    from course_lib.arena.playing.hygiene import clean
    from course_lib.arena.ratings.bradley_terry import bradley_terry
    from course_lib.arena.ratings.elo import online_elo
    from course_lib.arena.ratings.scale import elo_scale

    battles = battles_of(arguments.battles)
    if arguments.clean:
        battles, report = clean(battles)
        kept = report.pop("kept")
        left_out = ", ".join(f"{why} {len(v) if isinstance(v, list) else v}" for why, v in report.items())
        print(f"Left out: {left_out}. Votes left: {kept}.")
    table = pandas.DataFrame(
        {
            "Bradley-Terry": elo_scale(bradley_terry(battles, penalty=arguments.penalty)),
            "online Elo": online_elo(battles),
            "battles": pandas.concat([battles["model_a"], battles["model_b"]]).value_counts(),
        }
    )
    print(table.sort_values("Bradley-Terry", ascending=False).round(1).to_string())
    return 0
