import gc
import threading

import httpx
import pytest

from metadata.errors import TryAgain, UserError
from models import hosts
from models.hosts import Endless, Host, Hosts, Rejected, Unreachable, reach
from tests.patience import PATIENCE


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Net(httpx.BaseTransport):
    """Hosts by name; each answers by its own function, which may raise what httpx raises."""

    def __init__(self, **answers) -> None:
        self.answers = answers
        self.asked = []

    def handle_request(self, request):
        self.asked.append(request.url.host)
        return self.answers[request.url.host](request)


def good(request):
    return httpx.Response(200, json={"by": request.url.host})


def status(code, **headers):
    return lambda request: httpx.Response(code, json={"error": "so it is"}, headers=headers)


def gone(request):
    raise httpx.ConnectError("refused", request=request)


def cut(request):
    raise httpx.RemoteProtocolError("peer closed connection", request=request)


@pytest.fixture
def made():
    made = []

    def make(net, *names, clock=None, slots=4, **more):
        found = Hosts(
            [Host(f"http://{name}", slots) for name in names or net.answers],
            transport=net,
            clock=clock or Clock(),
            **more,
        )
        made.append(found)
        return found

    yield make
    for each in made:
        each.close()


def ask(asked, **more):
    return asked.ask(b"photo.jpg", "/x", lambda host: host.url.encode(), **more)


def test_the_least_busy_host_is_asked_first(made):
    inside, go = threading.Semaphore(0), threading.Event()

    def wait(request):
        inside.release()
        assert go.wait(PATIENCE)
        return good(request)

    net = Net(a=wait, b=wait, c=wait)
    asked = made(net)
    threads = [threading.Thread(target=ask, args=(asked,)) for _ in range(6)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=PATIENCE)
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(net.asked) == ["a", "a", "b", "b", "c", "c"]
    assert sorted(net.asked[:3]) == ["a", "b", "c"]


def test_no_host_is_asked_more_than_it_takes_at_once(made):
    now, most, lock = [0], [0], threading.Lock()
    go = threading.Event()

    def wait(request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 2:
                go.set()
        assert go.wait(PATIENCE)
        with lock:
            now[0] -= 1
        return good(request)

    asked = made(Net(a=wait), slots=2)
    threads = [threading.Thread(target=ask, args=(asked,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [2]


@pytest.mark.parametrize(
    "fault",
    [gone, cut, status(500), status(429), status(401), status(404), status(302, location="http://b/x"),
     lambda request: httpx.Response(200, text="<html>login</html>", headers={"content-type": "text/html"})],
)  # fmt: skip
def test_what_one_host_fails_at_the_next_is_asked(made, fault):
    net = Net(a=fault, b=good)
    assert ask(made(net)) == {"by": "b"}
    assert net.asked == ["a", "b"]


def test_a_host_that_cannot_be_reached_rests_and_is_tried_again_by_one_question(made):
    clock, net = Clock(), Net(a=gone, b=good)
    asked = made(net, clock=clock)
    for _ in range(5):
        assert ask(asked) == {"by": "b"}
    assert net.asked.count("a") == 1
    clock.now += hosts.SHORTEST + 0.1
    net.answers["b"] = status(503)
    with pytest.raises(TryAgain):
        ask(asked)
    assert net.asked.count("a") == 2


def test_rests_grow_to_a_limit_and_a_good_answer_ends_them(made):
    clock, net = Clock(), Net(a=gone)
    asked = made(net, clock=clock)
    waits = []
    for _ in range(9):
        with pytest.raises(Unreachable) as caught:
            ask(asked)
        waits.append(round(caught.value.wait))
        clock.now += caught.value.wait + 0.01
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    net.answers["a"] = good
    assert ask(asked) == {"by": "a"}
    net.answers["a"] = gone
    with pytest.raises(Unreachable) as caught:
        ask(asked)
    assert round(caught.value.wait) == 5


def test_while_all_rest_nobody_is_asked(made):
    net = Net(a=gone, b=gone)
    asked = made(net)
    for _ in range(4):
        with pytest.raises(Unreachable, match=r"photo.jpg: http://a does not answer: refused; http://b"):
            ask(asked)
    assert net.asked == ["a", "b"]


def test_two_of_three_down_and_the_third_does_all(made):
    net = Net(a=gone, b=good, c=gone)
    asked = made(net)
    assert [ask(asked) for _ in range(10)] == [{"by": "b"}] * 10


def test_a_host_that_stumbles_once_is_not_rested(made):
    net = Net(a=status(500))
    asked = made(net)
    for _ in range(hosts.STUMBLES - 1):
        with pytest.raises(TryAgain) as caught:
            ask(asked)
        assert not isinstance(caught.value, Unreachable)
    net.answers["a"] = good
    assert ask(asked)
    net.answers["a"] = status(500)
    for _ in range(hosts.STUMBLES - 1):
        with pytest.raises(TryAgain):
            ask(asked)
    with pytest.raises(Unreachable):
        ask(asked)


def test_a_host_is_left_in_peace_as_long_as_it_asks(made):
    clock, net = Clock(), Net(a=status(429, **{"retry-after": "33"}))
    asked = made(net, clock=clock)
    with pytest.raises(Unreachable) as caught:
        ask(asked)
    assert caught.value.wait == 33
    clock.now += 32
    with pytest.raises(Unreachable):
        ask(asked)
    assert len(net.asked) == 1
    clock.now += 2
    net.answers["a"] = good
    assert ask(asked)


def test_a_question_that_a_host_refuses_is_no_fault_of_the_host(made):
    net = Net(a=status(400), b=good)
    asked = made(net)
    for _ in range(5):
        if net.asked.count("a") == net.asked.count("b"):
            with pytest.raises(Rejected, match="400 so it is") as caught:
                ask(asked)
            assert caught.value.url == "http://a"
        else:
            assert ask(asked)
    assert net.asked.count("a") == 3


@pytest.mark.parametrize(
    "said",
    [
        "Server is pinned to 'a'; requested 'b'.",
        "No models loaded.",
        "The model 'x' was not found",
        "model `y` does not exist",
    ],
)
def test_a_model_that_a_host_does_not_have_is_the_host_s_matter_whatever_the_status(made, said):
    asked = made(Net(a=lambda request: httpx.Response(400, json={"error": {"message": said}})))
    with pytest.raises(Unreachable, match="http://a answers 400"):
        ask(asked)


def test_an_answer_without_end_is_no_fault_of_the_host(made):
    net = Net(a=lambda request: httpx.Response(200, content=b" " * (hosts.MOST + 1)))
    asked = made(net)
    for _ in range(5):
        with pytest.raises(Endless):
            ask(asked)


def test_nothing_of_a_question_stays_when_it_is_answered(made):
    asked = made(Net(a=good))
    ask(asked)
    gc.collect()
    gc.disable()  # a service that looks at photos collects seldom
    try:
        before = len(_messages())
        for _ in range(5):
            ask(asked)
        after = len(_messages())
    finally:
        gc.enable()
    assert after <= before


def _messages():
    """All questions and answers in memory; by type(), as to ask others what they are may warn."""
    return [one for one in gc.get_objects() if type(one) in {httpx.Request, httpx.Response}]


def test_only_this_machine_sees_what_is_private(made):
    net = Net(**{"192.168.1.5": good, "127.0.0.1": good, "8.8.8.8": good})
    asked = made(net)
    assert {ask(asked, here=True)["by"] for _ in range(6)} == {"127.0.0.1"}
    assert not asked.away
    far = made(Net(**{"8.8.8.8": good}))
    assert far.away
    with pytest.raises(TryAgain, match="no host on this machine"):
        ask(far, here=True)


def test_a_redirect_is_told_and_not_followed(made):
    net = Net(a=status(302, location="http://evil/x"))
    with pytest.raises(Unreachable, match="sends on to http://evil/x"):
        ask(made(net))
    assert net.asked == ["a"]


def test_stopping_wakes_who_waits(made):
    inside, go = threading.Event(), threading.Event()

    def wait(request):
        inside.set()
        assert go.wait(PATIENCE)
        return good(request)

    asked = made(Net(a=wait), slots=1)
    first = threading.Thread(target=ask, args=(asked,))
    first.start()
    assert inside.wait(PATIENCE)
    found = []

    def second():
        try:
            ask(asked)
        except TryAgain as error:
            found.append(error.reason)

    other = threading.Thread(target=second)
    other.start()
    asked.close()
    other.join(PATIENCE)
    go.set()
    first.join(PATIENCE)
    assert found == ["stopped before it was answered"]


def test_secrets_come_from_files_and_go_to_their_host_alone(made, tmp_path):
    (tmp_path / "key").write_text("sesame\n")
    (tmp_path / "id").write_text("me")
    seen = {}

    def look(request):
        seen[request.url.host] = dict(request.headers)
        return good(request)

    host = Host("http://a", key_file=str(tmp_path / "key"), headers=(("X-Client", str(tmp_path / "id")),))
    asked = Hosts([host, Host("http://b")], transport=Net(a=look, b=look))
    ask(asked)
    ask(asked)
    asked.close()
    assert seen["a"]["authorization"] == "Bearer sesame"
    assert seen["a"]["x-client"] == "me"
    assert "authorization" not in seen["b"]
    assert "sesame" not in repr(asked._states)


@pytest.mark.parametrize("text", [None, "", "a\nb", "schlüssel"])
def test_a_secret_that_is_none_is_told_by_its_file(tmp_path, text):
    file = tmp_path / "key"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=str(file)):
        Hosts([Host("http://a", key_file=str(file))])


@pytest.mark.parametrize(
    ("given", "meant"),
    [("nas:11434", "http://nas:11434"), ("http://a/v1/", "http://a"), ("https://x.org/api/v1", "https://x.org"),
     ("http://a/api", "http://a")],
)  # fmt: skip
def test_an_address_may_be_given_as_people_write_it(given, meant):
    assert Hosts([Host(given)]).hosts[0].url == meant


@pytest.mark.parametrize("given", ["ftp://a", "http://", "http://a:b:c"])
def test_an_address_that_is_none_is_refused(given):
    with pytest.raises(UserError, match="hosts: "):
        Hosts([Host(given)])


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://localhost:1", "here"), ("http://127.0.0.1", "here"), ("http://[::1]:80", "here"),
        ("http://192.168.0.9", "near"), ("http://10.1.2.3", "near"), ("http://[fd00::1]", "near"),
        ("http://169.254.1.1", "near"), ("http://8.8.8.8", "far"), ("http://[2001:4860::1]", "far"),
        ("http://no-such-name.invalid", "far"),
    ],
)  # fmt: skip
def test_where_an_address_leads(url, where):
    assert reach(url) == where


def test_making_them_opens_nothing():
    made = Hosts([Host("http://localhost")])
    assert made.slots == 4
    with pytest.raises(UserError, match="no host"):
        Hosts([])


def test_all_who_ask_at_once_share_one_client_which_is_closed(made, monkeypatch):
    clients, client = [], httpx.Client
    start, second = threading.Barrier(4), threading.Event()

    def counted(**settings):
        if clients:
            second.set()
        clients.append(client(**settings))
        second.wait(0.1)  # for those who should not come here
        return clients[-1]

    monkeypatch.setattr(hosts.httpx, "Client", counted)
    found = made(Net(a=good))

    def begin():
        start.wait(PATIENCE)
        ask(found)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    found.close()
    assert [each.is_closed for each in clients] == [True]
