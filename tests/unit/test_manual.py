from __future__ import annotations

import argparse

from watcher import manual


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="tagwright", description="Tags photos.")
    made.add_argument("-c", "--config", metavar="FILE", help="the settings")
    made.add_argument("--secret", help=argparse.SUPPRESS)
    commands = made.add_subparsers(dest="command")
    scan = commands.add_parser("scan", description="Looks at folders.")
    scan.add_argument("path", nargs="+", metavar="PATH", help="what to look at")
    scan.add_argument("--limit", type=int, default=10, help="at most this many (%(default)s)")
    scan.add_argument("--again", nargs="?", metavar="SOURCE", help="ask once more")
    scan.add_argument("--json", action="store_true", help="for scripts")
    scan.add_argument("--by", choices=["date", "name"], help="the order")
    commands.add_parser("runs", description="Lists runs.")
    return made


def test_the_page_holds_every_command_with_what_it_takes():
    page = manual.commands(parser())
    assert page.endswith(
        "## `tagwright`\n\nTags photos.\n\n- `-c, --config FILE`: the settings\n\n"
        "## `tagwright scan`\n\nLooks at folders.\n\n"
        "- `PATH…`: what to look at\n"
        "- `--limit LIMIT`: at most this many (10)\n"
        "- `--again [SOURCE]`: ask once more\n"
        "- `--json`: for scripts\n"
        "- `--by date|name`: the order\n\n"
        "## `tagwright runs`\n\nLists runs.\n"
    )


def test_what_is_hidden_in_the_help_is_hidden_in_the_page():
    assert "secret" not in manual.commands(parser())


def test_commands_are_listed_in_the_order_of_the_help():
    assert [name for name, _ in manual.subcommands(parser())] == ["scan", "runs"]


def test_the_page_of_settings_holds_every_key_once():
    lines = manual.settings().splitlines()
    keys = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert {"settle", "name", "path", "places", "level", "without_connection"} <= set(keys)
    assert len([key for key in keys if key == "settle"]) == 1
