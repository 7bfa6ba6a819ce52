"""What a test must know of pictures: whole PNG files, SVG and HTML that is well formed and harmless."""

import html.parser
import re
import struct
import xml.etree.ElementTree
import zlib

VOID = {"meta", "img", "source", "br"}


def read_png(data):
    """(width, height, its chunks' names, rows of pixels as bytes); raises ValueError when it is not whole."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG")
    at, names, pixels, size = 8, [], b"", None
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length:at + 12 + length])
        if crc != zlib.crc32(name + body):
            raise ValueError(f"chunk {name} is damaged")
        names.append(name.decode())
        if name == b"IHDR":
            size = struct.unpack(">IIBBBBB", body)
        elif name == b"IDAT":
            pixels += body
        at += 12 + length
    width, height, depth, colour, *_ = size
    if names[-1] != "IEND" or depth != 8 or colour not in (2, 6):
        raise ValueError("an unexpected PNG")
    bytes_each = 3 if colour == 2 else 4
    raw = zlib.decompress(pixels)
    if len(raw) != height * (1 + width * bytes_each):
        raise ValueError("pixels are missing")
    return width, height, names, unfilter(raw, width * bytes_each, height, bytes_each)


def unfilter(raw, stride, height, each):
    rows, before = [], bytes(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left = line[x - each] if x >= each else 0
            up, corner = before[x], before[x - each] if x >= each else 0
            if kind == 1:
                line[x] = (line[x] + left) & 255
            elif kind == 2:
                line[x] = (line[x] + up) & 255
            elif kind == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                line[x] = (line[x] + near[2]) & 255
        rows.append(bytes(line))
        before = bytes(line)
    return rows


def read_svg(data):
    """(width, height); raises when it is not well formed, or has anything but shapes."""
    root = xml.etree.ElementTree.fromstring(data)
    allowed = {"svg", "defs", "g", "symbol", "path", "use", "rect", "clipPath", "mask", "filter", "image"}
    for element in root.iter():
        name = element.tag.split("}")[-1]
        if name not in allowed - {"image", "filter"}:
            raise ValueError(f"an element {name}")
        for key, value in element.attrib.items():
            if key.startswith("on") or (key.endswith("href") and not value.startswith("#")):
                raise ValueError(f"{key}={value}")
    return root.get("width"), root.get("height")


class Page(html.parser.HTMLParser):
    """The tags and the text of a page, and whether every element is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            raise ValueError(f"open to the end: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    def check(self):
        """Nothing runs, and nothing is fetched."""
        if "script" in self.tags or "link" in self.tags or "iframe" in self.tags:
            raise ValueError("a page that does something")
        for tag, key, value in self.attributes:
            if key.startswith("on") or key == "style":
                raise ValueError(f"<{tag} {key}>")
            if key in ("src", "href", "srcset", "action") and not value.startswith("data:image/svg+xml;base64,"):
                raise ValueError(f"<{tag} {key}={value[:60]}>")
        policy = [v for t, k, v in self.attributes if t == "meta" and k == "content" and "default-src" in v]
        if len(policy) != 1 or not re.match(r"default-src 'none'; img-src data:; style-src 'sha256-", policy[0]):
            raise ValueError(f"the policy {policy}")
        return self

    def text(self):
        return " ".join(self.texts)
