"""Solution regions: what the student gets in their place, and what is known to have been removed."""

from course_lib.grading.authoring.regions import removed_lines, solved, stubbed, without_hidden

ANSWER = """# exercise 1.1
def f(x):
    \"\"\"Doc.\"\"\"
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

class C:
    def g(self):
        ### BEGIN SOLUTION
        ### STUB
        # y = ...  # (N,)
        # for i in range(3):
        #     pass
        ### END STUB
        return self.y
        ### END SOLUTION"""


def test_every_region_becomes_a_stub_at_its_own_depth():
    text = stubbed(ANSWER, "1.1")
    scope = {}
    exec(text, scope)
    assert '    raise NotImplementedError("exercise 1.1: write this part")' in text.splitlines()
    assert text.splitlines()[-4:] == [
        "        y = ...  # (N,)",
        "        for i in range(3):",
        "            pass",
        '        raise NotImplementedError("exercise 1.1: and this part")',
    ]
    assert "SOLUTION" not in text
    assert "STUB" not in text
    assert "2 * x" not in text


def test_a_stub_with_its_own_message_keeps_it():
    text = ANSWER.replace("#     pass", '#     raise NotImplementedError("exercise 1.1: the loop")')
    assert stubbed(text, "1.1").count("NotImplementedError") == 2


def test_the_solution_keeps_its_marks_and_loses_the_stubs():
    text = solved(ANSWER)
    assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION") == 2
    assert "STUB" not in text
    assert "for i" not in text
    assert "return self.y" in text


def test_removed_lines_are_exactly_those_of_the_regions():
    assert [line.strip() for line in removed_lines(ANSWER)] == ["return 2 * x", "return self.y"]


def test_hidden_tests_go_and_the_rest_stays():
    text = "check(1)\n### BEGIN HIDDEN TESTS\nassert secret\n### END HIDDEN TESTS\nprint(2)"
    assert without_hidden(text) == "check(1)\nprint(2)"
    assert removed_lines(text) == ["assert secret"]
