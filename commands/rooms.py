"""Draws who imports whom between the folders of this checkout: `python -m commands.rooms > docs/rooms.md`."""

from __future__ import annotations

from pathlib import Path

import grimp

from base.paths import CHECKOUT

PACKAGES = ("base", "commands", "components", "config", "fleet", "ibm_native", "sandbox")
_HEAD = """# Rooms

The folders of this checkout, and the imports between them. An arrow runs from who imports to who is imported; files
that lie loose in a folder are drawn as the folder. Left out are files that import nothing of their package, such as
errors and paths: they are at its bottom. Which imports may exist is written in `pyproject.toml`, each rule with its
reason, and `make lint` holds it. Drawn by `python -m commands.rooms > docs/rooms.md`.
"""


def page() -> str:
    """Return the page: the checkout as a whole, then each package that has folders, with what each folder holds."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    packages = ("", *sorted(module.replace(".", "/") for module in graph.modules if _rooms(_folder(module))))
    return "\n".join([_HEAD, *(_section(graph, package) for package in packages)])


def _section(graph: grimp.ImportGraph, package: str) -> str:
    rooms = [folder for folder in _rooms(CHECKOUT / package) if package or folder.name in PACKAGES]
    names = {folder: str(folder.relative_to(CHECKOUT)) for folder in rooms}
    table = [f"| `{name}/` | {_says(folder)} |" for folder, name in names.items()]
    arrows = sorted(_arrows(graph, CHECKOUT / package, rooms))
    nodes = [f'    {_node(name)}["{name}/"]' for name in [*([package] if package else []), *names.values()]]
    lines = [f"    {_node(a)} --> {_node(b)}" for a, b in arrows]
    drawing = ["```mermaid", "flowchart TD", *nodes, *lines, "```"]
    title = f"`{package}/`" if package else "The checkout"
    return "\n".join([f"## {title}", "", "| folder | what lives there |", "|---|---|", *table, "", *drawing, ""])


def _arrows(graph: grimp.ImportGraph, package: Path, rooms: list[Path]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for module in graph.modules:
        imported = graph.find_modules_directly_imported_by(module)
        for target in imported:
            pair = _room(module, package, rooms), _room(target, package, rooms)
            at_bottom = _folder(target).parent == package and not any(
                package in _folder(each).parents for each in graph.find_modules_directly_imported_by(target)
            )
            if pair[0] and pair[1] and pair[0] != pair[1] and not at_bottom:
                found.add(pair)
    return found


def _room(module: str, package: Path, rooms: list[Path]) -> str:
    """Return the folder of `package` that holds a module, the package itself for a loose file, or nothing."""
    path = _folder(module)
    room = next((room for room in rooms if path == room or room in path.parents), None)
    if room is None and package != CHECKOUT and (path == package or package in path.parents):
        room = package
    return str(room.relative_to(CHECKOUT)) if room else ""


def _folder(module: str) -> Path:
    return CHECKOUT.joinpath(*module.split("."))


def _rooms(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def _says(room: Path) -> str:
    return room.joinpath("__init__.py").read_text().partition('"""')[2].partition('"""')[0].partition("\n")[0].strip()


def _node(name: str) -> str:
    return name.replace("/", "_")


if __name__ == "__main__":
    print(page(), end="")
