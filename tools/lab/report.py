# SPDX-License-Identifier: Apache-2.0
"""What sluice-bench measured, as one HTML page that needs nothing else: plots, tables, the machine, the commands.

usage: tools/bench report FILE.json... [--out FILE.html]
FILE is media.json of tools/bench media, or what sluice-bench --json wrote.
"""
import argparse
import html as escape
import json

from . import svg

ORDER = ("sluice-xdp", "sluice-packet", "rtpengine", "plain", "testpmd")
STYLE = """
:root { color-scheme: light dark; --page: #fbfbf9; --card: #ffffff; --ink: #1c2127; --soft: #5b6570; --rule: #dfe3e6;
  --good: #18794e; --bad: #c02a37; --c0: #1f6fd1; --c1: #14918a; --c2: #d9641c; --c3: #8a63d2; --c4: #8b939c; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1c2024; --ink: #e7eaed; --soft: #9aa4ae;
  --rule: #31373d; --good: #4cc38a; --bad: #ff7b84; --c0: #62a6f5; --c1: #43c4bb; --c2: #f5935a; --c3: #b598f0;
  --c4: #9aa4ae; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 4px; }
h3 { font-size: 15px; margin: 0 0 8px; }
p { margin: 4px 0 14px; max-width: 78ch; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(225px, 1fr)); gap: 12px; margin: 24px 0 0; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile b small { font-size: 14px; font-weight: 400; color: var(--soft); }
.tile span { color: var(--soft); font-size: 13px; } .tile .pass { color: var(--good); } .tile .fail { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 14px; }
.cards .card:only-child { max-width: 720px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft); margin: 4px 0 12px; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums;
  white-space: nowrap; }
th { color: var(--soft); font-weight: 550; }
th:first-child, td:first-child, td.words { text-align: left; }
td.words { white-space: normal; }
tr:last-child td { border-bottom: 0; }
.pass { color: var(--good); font-weight: 600; } .fail { color: var(--bad); font-weight: 600; }
code { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
details { margin: 6px 0; } summary { cursor: pointer; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--soft); } svg .name, svg .value { fill: var(--ink); }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .pale { opacity: 0.45; }
""" + "".join(f".line.k{i} {{ stroke: var(--c{i}); }} .dot.k{i}, .bar.k{i} {{ fill: var(--c{i}); }}"
              f" .key .k{i} {{ background: var(--c{i}); }}\n" for i in range(5))


def _e(v):
    return escape.escape(str(v))


def _kinds(runs):
    """[(kind, title, css class)] of the runs, in the order of the page."""
    seen = {r["kind"]: r["title"] for r in runs}
    known = [k for k in ORDER if k in seen] + [k for k in seen if k not in ORDER]
    return [(k, seen[k], f"k{ORDER.index(k) if k in ORDER else i % 5}") for i, k in enumerate(known)]


def _media(runs):
    return list({r["media"]: r["media_title"] for r in runs}.items())


def _pick(runs, has, kind=None, media=None, purpose=None):
    for r in runs:
        if r.get(has) and kind in (None, r["kind"]) and media in (None, r["media"]) \
                and (purpose is None or r.get("purpose", purpose) == purpose):
            return r
    return None


def _key(kinds):
    return '<div class="key">' + "".join(f'<span><i class="{c}"></i>{_e(t)}</span>' for _, t, c in kinds) + "</div>"


def _card(title, body):
    return f'<div class="card"><h3>{_e(title)}</h3>{body}</div>'


def _section(title, words, cards):
    cards = [c for c in cards if c]
    if not cards:
        return ""
    return f"<h2>{_e(title)}</h2><p>{_e(words)}</p>" + '<div class="cards">' + "".join(cards) + "</div>"


def _warn(trial):
    return "" if trial["valid"] else " *"


# ---- plots ----

def _cpu(runs, kinds):
    cards = []
    for media, title in _media(runs):
        rows = []
        for kind, name, css in kinds:
            r = _pick(runs, "latency", kind, media, "cpu")
            if r and r["latency"][0]["cpu"]:
                t = r["latency"][0]
                rows.append((css, name, [(g, c["us_per_packet"]) for g, c in t["cpu"].items()], _warn(t)))
        cards.append(_card(title, svg.bars(rows, "us", f"CPU per packet, {title}")) if rows else "")
    return _section("CPU for each packet", "The relay's own threads, and (paler) the kernel threads that receive for it. "
                    "Shorter is better.", cards)


def _percentiles(runs, kinds, what, title, words):
    cards = []
    for media, media_title in _media(runs):
        series = []
        for kind, name, css in kinds:
            r = _pick(runs, "latency", kind, media, "latency")
            if r:
                points = [p for p in r["latency"][0][what]["curve"] if p[0] < 1]
                series.append((css, name, points))
        values = [v for _, _, points in series for _, v in points if v > 0]
        if values:
            cards.append(_card(media_title, svg.lines(series, svg.Nines(), svg.Log(max(min(values), 1), max(values), svg.times),
                                                      "share of packets that were at least as fast", "",
                                                      f"{title}, {media_title}", dots=False)))
    return _section(title, words, cards)


def _loss(runs, kinds):
    series, top, most = [], 0, 0
    for kind, name, css in kinds:
        r = _pick(runs, "loss", kind)
        if r:
            points = sorted((t["sent"] / t["seconds"], 100 * t["loss"]) for t in r["loss"] if t["sent"])
            series.append((css, name, points))
            top, most = max([top, *(p[0] for p in points)]), max([most, *(p[1] for p in points)])
    if not series:
        return ""
    plot = svg.lines(series, svg.Linear(0, top), svg.Linear(0, max(most, 1)), "packets/s offered", "% lost",
                     "frame loss")
    return _section("Loss under more than it can bear", "RFC 2544 26.3: from the highest rate down, until two trials in a "
                    "row lose nothing.", [_card("RTP", plot)])


def _highest(runs, kinds):
    cards = []
    for media, title in _media(runs):
        rows = []
        for kind, name, css in kinds:
            r = _pick(runs, "throughput", kind, media)
            if r:
                limit = r["throughput"]["limit"]
                rows.append((css, name, [("throughput", r["throughput"]["pps"])],
                             "" if limit == "relay" else f" ({limit})"))
        cards.append(_card(title, svg.bars(rows, "/s", f"throughput, {title}")) if rows else "")
    return _section("The highest rate without loss", "RFC 2544 26.1, packets/s of both directions together. In brackets: "
                    "what the limit was, where it was not the relay.", cards)


def _setup(runs, kinds):
    rows = []
    for kind, name, css in kinds:
        r = _pick(runs, "setup", kind)
        if r:
            rows.append((css, name, [("set up", r["setup"]["per_second"])],
                         f", p99 {svg.times(r['setup']['latency_us']['p99'])}"))
    if not rows:
        return ""
    return _section("Calls set up in a second", "Through the relay's own control, as many at a time as its protocol bears.",
                    [_card("set-up rate", svg.bars(rows, "/s", "set-up rate"))])


# ---- tables ----

def _table(head, rows):
    return ('<div class="card wide"><table><tr>' + "".join(f"<th>{_e(h)}</th>" for h in head) + "</tr>" +
            "".join("<tr>" + "".join(row) + "</tr>" for row in rows) + "</table></div>")


def _td(v, kind=""):
    return f'<td class="{kind}">{v}</td>'


def _rows_of(run):
    for test in ("latency", "loss"):
        for t in run.get(test) or []:
            yield test, t
    for t in (run.get("throughput") or {}).get("trials", []):
        yield "throughput", t


def _trials(runs):
    rows = []
    for r in runs:
        for test, t in _rows_of(r):
            lat, jit = t["latency_us"], t["jitter_us"]
            cpu = sum(c["us_per_packet"] for c in t["cpu"].values())
            rows.append([_td(_e(r["title"])), _td(_e(r["media_title"]), "words"), _td(test, "words"), _td(f"{t['rate']:.0f}"),
                         _td(t["sent"]), _td(t["lost"]), _td(t["reordered"]), _td(t["duplicates"]),
                         _td(f"{lat['p50']:.1f}"), _td(f"{lat['p99']:.1f}"), _td(f"{lat['p999']:.1f}"),
                         _td(f"{jit['p99']:.1f}"), _td(f"{cpu:.2f}"), _td(f"{t['generator']['us_per_packet']:.2f}"),
                         _td("" if t["valid"] else "*")])
    head = ["relay", "media", "test", "packets/s", "sent", "lost", "reord.", "dup.", "p50 us", "p99", "p99.9", "jitter p99",
            "CPU us", "generator us", ""]
    return ("<h2>Every trial</h2><p>* the generator did not send all that it was to, or did not take all that came: the "
            "trial says little of the relay.</p>" + _table(head, rows)) if rows else ""


def _amount(v):
    return svg.number(v) if abs(v) >= 1000 else f"{v:.3g}"


def _mark(f):
    if f["target"] is None:
        return ""
    return '<span class="pass">PASS</span>' if f["ok"] else '<span class="fail">FAIL</span>'


def _figures(figures):
    if not figures:
        return ""
    rows = [[_td(f"<code>{_e(f['name'])}</code>"), _td(f"{f['value']:,.4g}" if abs(f["value"]) < 1e4 else
             f"{f['value']:,.0f}"), _td(_e(f["unit"]), "words"),
             _td("" if f["target"] is None else _amount(f["target"])), _td(_mark(f))] for f in figures]
    return "<h2>Figures and targets</h2>" + _table(["name", "value", "unit", "target", ""], rows)


def _tiles(figures):
    """What the page is about, first: each figure with a target."""
    tiles = []
    for f in figures:
        if f["target"] is not None:
            tiles.append(f'<div class="tile"><span>{_e(f.get("words") or f["name"])}</span><b>{_amount(f["value"])} '
                         f'<small>{_e(f["unit"])}</small></b><span>target {_amount(f["target"])}</span> {_mark(f)}</div>')
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def _environment(whole):
    env = [[_td(_e(k)), _td(_e(v), "words")] for k, v in whole.get("environment", {}).items()]
    out = "<h2>Where and how</h2>" + (_table(["", ""], env) if env else "")
    commands = [f"<details><summary>{_e(r['title'])}, {_e(r['media_title'])}: {_e(r.get('purpose', ''))}</summary>"
                f"<code>{_e(r['command'] if isinstance(r['command'], str) else ' '.join(r['command']))}</code></details>"
                for r in whole["runs"]]
    out += f'<p>The whole: <code>{_e(whole.get("command", ""))}</code></p>' if whole.get("command") else ""
    out += '<div class="card"><h3>Every command</h3>' + "".join(commands) + "</div>"
    left = whole.get("left_out")
    if left:
        out += "<h2>Left out</h2>" + _table(["relay", "media", "what", "why"], [
            [_td(_e(x["relay"])), _td(_e(x["media"]), "words"), _td(_e(x["what"]), "words"), _td(_e(x["why"]), "words")]
            for x in left])
    return out


def html(whole):
    """The page, of media.json's content."""
    runs = whole["runs"]
    kinds = _kinds(runs)
    work = runs[0]["work"] if runs else {}
    rate = whole.get("rate")
    words = (f"{work.get('calls')} calls, {work.get('payload')} octets of payload in a packet" +
             (f", {svg.number(rate)} packets/s of both directions together unless said otherwise" if rate else "") +
             f". {whole.get('began', '')}") if work else ""
    body = [f"<h1>Media relays, measured</h1><p>{_e(words)}</p>", _tiles(whole.get("figures", [])), _key(kinds),
            _cpu(runs, kinds),
            _percentiles(runs, kinds, "latency_us", "Delay", "One way through the relay, from the sending call to the "
                         "kernel's time stamp of the arrival. Lower is better; both axes are logarithmic."),
            _percentiles(runs, kinds, "jitter_us", "Jitter", "How much the delay of two packets in a row of a call differs."),
            _highest(runs, kinds), _loss(runs, kinds), _setup(runs, kinds), _figures(whole.get("figures", [])),
            _trials(runs), _environment(whole)]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" '
            'content="width=device-width, initial-scale=1"/><title>Media relays, measured</title>'
            f"<style>{STYLE}</style></head><body><main>{''.join(body)}</main></body></html>\n")


def load(paths):
    """media.json as it is; any number of sluice-bench's own files as the runs of one page."""
    whole = {"runs": [], "environment": {}, "figures": []}
    for path in paths:
        with open(path) as f:
            one = json.load(f)
        if one.get("schema") != 1:
            raise ValueError(f"{path}: not written by this version of sluice-bench")
        if one.get("kind") == "media":
            whole = {**one, "runs": whole["runs"] + one["runs"]}
            continue
        name = one["name"] or one["relay"]
        srtp = [s for s in one["work"]["srtp"] if s != "none"]
        media = srtp[-1] if srtp else "rtp"
        whole["runs"].append({**one, "kind": name, "title": name, "media": media, "media_title": media.upper()})
        whole.setdefault("began", one["began"])
    return whole


def main(argv):
    a = argparse.ArgumentParser(prog="tools/bench report", description=__doc__.split("\n", 1)[0])
    a.add_argument("files", nargs="+", metavar="FILE.json")
    a.add_argument("--out", default="report.html", metavar="FILE.html", help="default: report.html")
    o = a.parse_args(argv)
    page = html(load(o.files))
    with open(o.out, "w") as f:
        f.write(page)
    print(o.out)
    return 0
