"""The fields, arguments and variables that GraphQL texts use."""

import json
import re

TOKEN = re.compile(r'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\]|\\.)*"|\.\.\.|[_A-Za-z]\w*|\$\w+|-?\d[\d.eE+-]*|[^\s,]')


class Query:
    """`operation`, `variables` (name -> declared type), `fields` (set of paths such as viewer.teams.edges; aliases
    undone, fragments spread), `arguments` (set of path(argument); members of input objects as path(input.member))."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(re.sub(r"#[^\n]*", "", text))
        self.at = 0
        self.operation, self.variables, self.fields, self.arguments = None, {}, set(), set()
        self.fragments, tops = {}, []
        while self.at < len(self.tokens):
            word = self._take()
            if word == "fragment":
                name = self._take()
                self.at += 2  # on TYPE
                self._directives()
                self.fragments[name] = self._selection()
            elif word in ("query", "mutation"):
                if self._next() not in ("(", "{", "@"):
                    self.operation = self._take()
                if self._next() == "(":
                    self._declarations()
                self._directives()
                tops.append(self._selection())
            elif word == "{":
                self.at -= 1
                tops.append(self._selection())
        for top in tops:
            self._spread(top, "")

    def _next(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def _declarations(self):
        self._take()
        while self._next() != ")":
            name = self._take()[1:]
            self._take()  # :
            kind = ""
            while self._next() not in (")", "=") and not self._next().startswith("$"):
                kind += self._take()
            if self._next() == "=":
                self._take()
                self._value()
            self.variables[name] = kind
        self._take()

    def _value(self):
        """Skips a value; the member paths of an object."""
        token = self._take()
        found = []
        if token == "{":
            while self._next() != "}":
                name = self._take()
                self._take()  # :
                found += [name, *(f"{name}.{inner}" for inner in self._value())]
            self._take()
        elif token == "[":
            while self._next() != "]":
                self._value()
            self._take()
        return found

    def _directives(self):
        while self._next() == "@":
            self.at += 2
            if self._next() == "(":
                self._arguments()

    def _arguments(self):
        found = []
        self._take()
        while self._next() != ")":
            name = self._take()
            self._take()  # :
            found += [name, *(f"{name}.{inner}" for inner in self._value())]
        self._take()
        return found

    def _selection(self):
        """[(field, arguments, inner) or ("...", fragment name or inner)]"""
        out = []
        self._take()
        while self._next() != "}":
            token = self._take()
            if token == "...":
                if self._next() == "on":
                    self.at += 2
                    self._directives()
                    out.append(("...", self._selection()))
                elif self._next() in ("{", "@"):
                    self._directives()
                    out.append(("...", self._selection()))
                else:
                    out.append(("...", self._take()))
                    self._directives()
                continue
            if self._next() == ":":
                self._take()
                token = self._take()
            arguments = self._arguments() if self._next() == "(" else []
            self._directives()
            out.append((token, arguments, self._selection() if self._next() == "{" else None))
        self._take()
        return out

    def _spread(self, selection, path):
        for entry in selection:
            if entry[0] == "...":
                self._spread(self.fragments.get(entry[1], []) if isinstance(entry[1], str) else entry[1], path)
                continue
            name, arguments, inner = entry
            here = f"{path}.{name}" if path else name
            if name != "__typename":
                self.fields.add(here)
            self.arguments.update(f"{here}({argument})" for argument in arguments)
            if inner:
                self._spread(inner, here)


def shape(value, depth=0):
    """Types instead of values; lists by what they are made of; JSON inside texts stays a text."""
    if isinstance(value, dict):
        return {key: shape(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        kinds = []
        for inner in value:
            if (found := shape(inner, depth + 1)) not in kinds:
                kinds.append(found)
        return sorted(kinds, key=json.dumps)
    if isinstance(value, bool):
        return "boolean"
    return {str: "text", int: "number", float: "number", type(None): "null"}[type(value)]
