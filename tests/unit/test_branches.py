from watcher.branches import Branches


def tree():
    branches = Branches(1)
    branches.put(2, 1, b"a")
    branches.put(3, 2, b"b")
    branches.put(4, 3, b"\xff")
    return branches


def test_a_number_leads_to_its_path_and_back():
    branches = tree()
    assert branches.path(1) == b""
    assert branches.path(4) == b"a/b/\xff"
    assert branches.find(b"a/b/\xff") == 4
    assert branches.find(b"") == 1
    assert branches.find(b"a/none/deeper") is None


def test_moving_a_folder_moves_all_below_it():
    branches = tree()
    branches.put(3, 1, b"c")
    assert branches.path(4) == b"c/\xff"
    assert branches.find(b"a/b") is None


def test_what_is_below_a_folder_that_left_has_no_path_until_it_comes_back():
    branches = tree()
    assert branches.loosen(1, b"a")
    assert branches.path(4) is None
    assert sorted(branches.strays()) == [2, 3, 4]
    branches.put(2, 1, b"z")
    assert branches.path(4) == b"z/b/\xff"
    assert branches.strays() == []


def test_a_name_taken_over_by_another_folder_stays_with_it():
    branches = tree()
    branches.put(9, 1, b"a")
    branches.drop(2)
    assert branches.find(b"a") == 9


def test_loosening_what_is_not_known_says_so():
    assert not tree().loosen(1, b"none")


def test_every_number_is_listed_once_with_the_loose_ones():
    branches = tree()
    branches.loosen(2, b"b")
    assert sorted(branches) == [1, 2, 3, 4]
    assert 2 in branches
    assert 3 not in branches
