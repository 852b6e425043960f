"""A language model's word on pairs in doubt: batches, answers kept, nonsense left out."""

from __future__ import annotations

import json

from models.judge import BATCH, Judge, Verdict, read


class Server:
    """Says that words which begin alike are the same."""

    def __init__(self, wrap=lambda text: text) -> None:
        self.asked, self.wrap = [], wrap

    def ask(self, about, path, body):
        question = json.loads(body(None))
        self.asked.append(question)
        assert path == "/v1/chat/completions"
        lines = [line for line in question["messages"][0]["content"].splitlines() if line[:1].isdigit()]
        rows = []
        for line in lines:
            number, _, rest = line.partition(". ")
            a, b = (json.loads(part) for part in rest.split(" and "))
            rows.append({"n": int(number), "same": a[0] == b[0], "why": "it seems"})
        return {"choices": [{"message": {"content": self.wrap(json.dumps(rows))}}]}


def judge(tmp_path, server):
    return Judge([], "m", 1.0, tmp_path / "judged.json", asked=server)


def test_pairs_are_asked_in_batches_and_no_pair_twice(tmp_path):
    server = Server()
    pairs = [(f"a{n}", f"b{n}") for n in range(BATCH + 1)]
    said = judge(tmp_path, server).say(pairs)
    assert len(said) == len(pairs)
    assert len(server.asked) == 2
    again = judge(tmp_path, server).say([(b, a) for a, b in pairs])
    assert len(again) == len(pairs)
    assert len(server.asked) == 2


def test_what_is_said_stands_as_evidence(tmp_path):
    said = judge(tmp_path, Server()).say([("tusk", "ivory"), ("gig", "giggle")])
    assert said["tusk", "ivory"] == Verdict(same=False, why="it seems", model="m")
    assert said["gig", "giggle"].told == "m says the same: it seems"


def test_an_answer_may_be_wrapped_in_thoughts_and_fences(tmp_path):
    server = Server(lambda text: f"<think>[{{ so</think>\n```json\n{text}\n```")
    assert len(judge(tmp_path, server).say([("a", "b")])) == 1


def test_nonsense_is_no_verdict():
    pairs = [("a", "b")]
    rows = '[{"n": 2, "same": true}, {"n": 1, "same": "yes"}, 5, {"same": true}]'
    for answer in (None, {}, {"choices": []}, {"choices": [{"message": {"content": rows}}]}, {"choices": [{}]}):
        assert read(answer, pairs) == {}
