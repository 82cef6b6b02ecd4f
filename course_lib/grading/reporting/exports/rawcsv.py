"""A CSV file in which single cells are changed and everything else stays the same, byte for byte."""

import codecs
import re

_FIELD = rb'("[^"]*(?:""[^"]*)*"[^%(d)s\r\n]*|(?!")[^%(d)s\r\n]*)(%(d)s|\r\n|\n|\r|\Z)'


class RawTable:
    """The records of a CSV file. `rows[i][j]` is a text; `put` changes a cell; `bytes()` gives the file."""

    def __init__(self, data: bytes):
        """Read the bytes of a file. Raises ValueError in a sentence if it is no CSV file that can be kept."""
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in data:
            raise ValueError("it is not a plain CSV file; save it as CSV in UTF-8")
        self._mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        data = data[len(self._mark) :]
        try:
            data.decode("utf-8")
            self._encoding = "utf-8"
        except UnicodeDecodeError:
            self._encoding = "latin-1"  # every byte has a sign there, so nothing is lost
        first = re.split(rb"[\r\n]", data, maxsplit=1)[0]
        self._delimiter = max((b",", b";", b"\t"), key=first.count)
        self._raw: list[list[bytes]] = []
        self._ends: list[bytes] = []
        self._parse(data)
        self.rows = [[self._text(field) for field in record] for record in self._raw]

    def _parse(self, data: bytes) -> None:
        field = re.compile(_FIELD % {b"d": self._delimiter})
        place = 0
        record: list[bytes] = []
        while place < len(data) or record:
            match = field.match(data, place)
            if match is None:
                raise ValueError("a quotation mark in it is never closed")
            record.append(match[1])
            if match[2] != self._delimiter:
                self._raw.append(record)
                self._ends.append(match[2])
                record = []
            place = match.end()

    def _text(self, field: bytes) -> str:
        text = field.decode(self._encoding)
        if text.startswith('"') and text.rstrip().endswith('"') and len(text.rstrip()) > 1:
            return text.rstrip()[1:-1].replace('""', '"')
        return text

    def put(self, row: int, column: int, value: str) -> None:
        """Change one cell; a record that is too short is filled up with empty ones."""
        record = self._raw[row]
        while len(record) <= column:
            record.append(b"")
            self.rows[row].append("")
        self.rows[row][column] = value
        if re.search(rf'["\r\n]|{re.escape(self._delimiter.decode())}|^\s|\s$', value):
            value = '"' + value.replace('"', '""') + '"'
        record[column] = value.encode(self._encoding, errors="replace")

    def bytes(self) -> bytes:
        """The whole file."""
        lines = (
            self._delimiter.join(record) + end for record, end in zip(self._raw, self._ends, strict=True)
        )
        return self._mark + b"".join(lines)
