# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG: lines and bars. Colours and fonts are CSS classes of the page (report.py), so that one picture
serves light and dark."""
import html
import math

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 46


def text(x, y, words, kind="", anchor="middle", **more):
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in more.items())
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"{extra}>'
            f'{html.escape(str(words))}</text>')


def number(v):
    """Short, for an axis or a label: 3 digits at most before the unit."""
    if v == 0:
        return "0"
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(v) >= size:
            v, end = v / size, unit
            break
    else:
        end = ""
    digits = 0 if abs(v) >= 100 else 1 if abs(v) >= 10 else 2
    out = f"{v:.{digits}f}"
    return (out.rstrip("0").rstrip(".") if "." in out else out) + end


class Linear:
    def __init__(self, low, high):
        self.low, self.high = low, high if high > low else low + 1

    def at(self, v):
        return (min(max(v, self.low), self.high) - self.low) / (self.high - self.low)

    def ticks(self, about=5):
        raw = (self.high - self.low) / about
        step = 10 ** math.floor(math.log10(raw))
        step *= next(m for m in (1, 2, 5, 10) if m * step >= raw * 0.999)
        first = math.ceil(self.low / step)
        return [(i * step, number(i * step)) for i in range(first, int(self.high / step + 1e-9) + 1)]


class Log:
    """For values above 0; what is below `low` lies on it."""

    def __init__(self, low, high, name=number):
        self.name = name
        self.low = 10 ** math.floor(math.log10(max(low, 1e-9)))
        self.high = max(10 ** math.ceil(math.log10(max(high, 1e-9))), self.low * 10)

    def at(self, v):
        v = min(max(v, self.low), self.high)
        return math.log(v / self.low) / math.log(self.high / self.low)

    def ticks(self):
        out, v = [], self.low
        while v <= self.high * 1.001:
            out.append((v, self.name(v)))
            v *= 10
        return out


class Nines:
    """Shares on an axis where each further nine is as wide as the one before."""

    def __init__(self, most=0.9999):
        self.most = most

    def at(self, share):
        def nines(s):
            return -math.log10(1 - min(s, self.most))
        return nines(share) / nines(self.most)

    def ticks(self):
        return [(s, name) for s, name in ((0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"),
                                          (0.9999, "99.99 %")) if s <= self.most]


def times(us):
    """Microseconds for a person."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{number(us / size)} {unit}"
    return f"{number(us)} us"


def _frame(x, y, x_title, y_title, body, label):
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">']
    for v, name in y.ticks():
        at = TOP + plot_h * (1 - y.at(v))
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        out.append(text(LEFT - 8, at + 4, name, "tick", "end"))
    for v, name in x.ticks():
        at = LEFT + plot_w * x.at(v)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}" class="axis"/>')
        edge = "end" if at > WIDTH - RIGHT - 20 else "middle"
        out.append(text(min(at, WIDTH - 2), HEIGHT - BOTTOM + 18, name, "tick", edge))
    out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}" class="axis"/>')
    out.append(text(LEFT + plot_w / 2, HEIGHT - 8, x_title, "title"))
    out.append(text(14, TOP + plot_h / 2, y_title, "title", transform=f"rotate(-90 14 {TOP + plot_h / 2:.1f})"))
    return "".join(out) + "".join(body) + "</svg>"


def lines(series, x, y, x_title, y_title, label, dots=True):
    """series: [(class, name, [(x, y), ...])]."""
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    body = []
    for kind, name, points in series:
        where = [(LEFT + plot_w * x.at(px), TOP + plot_h * (1 - y.at(py))) for px, py in points]
        if not where:
            continue
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in where)
        body.append(f'<polyline points="{path}" class="line {kind}"><title>{html.escape(name)}</title></polyline>')
        if dots:
            for (px, py), (vx, vy) in zip(where, points):
                body.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" class="dot {kind}">'
                            f'<title>{html.escape(name)}: {number(vx)}, {number(vy)}</title></circle>')
    return _frame(x, y, x_title, y_title, body, label)


def bars(rows, unit, label):
    """rows: [(class, name, [(part name, value), ...], note)]: horizontal bars, parts behind one another; the later
    parts are paler."""
    left, right, height, gap = 140, 150, 20, 10
    high = max((sum(v for _, v in parts) for _, _, parts, _ in rows), default=0) or 1
    wide = WIDTH - left - right
    total = len(rows) * (height + gap) + gap
    out = [f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{html.escape(label)}">']
    for i, (kind, name, parts, note) in enumerate(rows):
        y, x = gap + i * (height + gap), left
        out.append(text(left - 10, y + height / 2 + 4, name, "name", "end"))
        for j, (part, v) in enumerate(parts):
            w = max(wide * v / high, 0.5 if v else 0)
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="{height}" rx="2" '
                       f'class="bar {kind}{" pale" if j else ""}"><title>{html.escape(f"{name}, {part}: {v:.3g} {unit}")}'
                       f'</title></rect>')
            x += w
        value = sum(v for _, v in parts)
        shown = number(value) if value >= 1000 else f"{value:.3g}"
        out.append(text(x + 8, y + height / 2 + 4, f"{shown} {unit}{note}", "value", "start"))
    return "".join(out) + "</svg>"
