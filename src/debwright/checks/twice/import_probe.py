"""Imports modules and says what became of each. Run inside a root; standard library only.

Standard input: {"SITE": ["module", ...]}. Output: one JSON object a line. A module that ends the
interpreter (an unknown instruction, a wrong library) costs only itself: the imports run
in a child, and another one goes on behind it.
"""

import importlib
import json
import os
import sys


def attempt(site: str, names: "list[str]", out: int) -> None:
    sys.path.insert(0, site)
    for name in names:
        os.write(out, (json.dumps({"begun": name}) + "\n").encode())
        try:
            importlib.import_module(name)
            said: str | None = None
        except BaseException as problem:
            said = f"{type(problem).__name__}: {problem}"[:300]
        os.write(out, (json.dumps({"module": name, "error": said}) + "\n").encode())


def run(site: str, names: "list[str]") -> None:
    left = list(names)
    while left:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            quiet = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(quiet, number)
            attempt(site, left, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as lines:
            said = [json.loads(line) for line in lines]
        _, status = os.waitpid(child, 0)
        for item in said:
            if "module" in item:
                print(json.dumps({"site": site, **item}), flush=True)
                left.remove(item["module"])
        if left:
            begun = next((i["begun"] for i in reversed(said) if "begun" in i), left[0])
            broken = begun if begun in left else left[0]
            text = f"the interpreter ended with status {status}"
            if os.WIFSIGNALED(status):
                text = f"the interpreter was killed by signal {os.WTERMSIG(status)}"
            print(json.dumps({"site": site, "module": broken, "error": text}), flush=True)
            left.remove(broken)


def main() -> None:
    for site, names in json.loads(sys.stdin.read()).items():
        run(site, names)


if __name__ == "__main__":
    main()
