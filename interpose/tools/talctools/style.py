"""The style of the page: light and dark by the reader's setting, and for print.

The colours are those of Okabe and Ito, which people tell apart who see no red or no green, with
lightness of their own each.
"""

_LIGHT = """\
  --paper: #ffffff; --ink: #1c2024; --soft: #5b636c; --rule: #d9dde2; --panel: #f5f6f8;
  --live: #0b5fa5; --overhead: #56a9dd; --metadata: #a8548a; --caches: #00835f;
  --transit: #e9d735; --slab_free: #e69f00; --kept: #7a4a1e; --gaps: #d0500a; --purged: #dfe3e8;
  --dark-letter: #1c2024; --light-letter: #ffffff; --link: #0b5fa5;"""

_DARK = """\
  --paper: #15181c; --ink: #e8eaed; --soft: #a3abb5; --rule: #363c44; --panel: #1e2329;
  --live: #4a9fe0; --overhead: #8fcaf0; --metadata: #d489b8; --caches: #2fbd92;
  --transit: #f0e25a; --slab_free: #f0b429; --kept: #b98252; --gaps: #f0783c; --purged: #3a424c;
  --dark-letter: #101214; --light-letter: #101214; --link: #7fbdf0;"""

_PARTS = (
    "live",
    "overhead",
    "metadata",
    "caches",
    "transit",
    "slab_free",
    "kept",
    "gaps",
    "purged",
)
_DARK_LETTERS = ("overhead", "transit", "slab_free")

_FILLS = "\n".join(
    f".fill-{part} {{ fill: var(--{part}); }} "
    f".on-{part} {{ fill: var(--{'dark' if part in _DARK_LETTERS else 'light'}-letter); }}"
    for part in _PARTS
)

STYLE = f"""\
:root {{
{_LIGHT}
}}
@media (prefers-color-scheme: dark) {{ :root {{
{_DARK}
}} }}
@media print {{ :root {{
{_LIGHT}
}} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }}
h1, h2, .note, figcaption, td.t, li {{ overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; margin: 0 0 1rem; }}
h2 {{ font-size: 1.35rem; margin: 0; }}
h3 {{ font-size: 1.05rem; margin: 0 0 .3rem; }}
article {{ border-top: 3px solid var(--rule); padding-top: 1.2rem; margin-top: 2.2rem; }}
section {{ margin-top: 2rem; }}
.note, footer, figcaption, caption {{ color: var(--soft); font-size: .87rem; margin: 0 0 .7rem; }}
footer {{ margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: .7rem; }}
a {{ color: var(--link); }}
.tiles {{ display: flex; flex-wrap: wrap; gap: .7rem; margin-top: 1rem; }}
.tile {{ flex: 1 1 10rem; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
  padding: .6rem .9rem; display: flex; flex-direction: column; }}
.tile b {{ font-size: 1.45rem; font-variant-numeric: tabular-nums; }}
.tile span {{ color: var(--soft); font-size: .84rem; min-height: 1.2em; }}
.advice {{ border-left: 4px solid var(--gaps); background: var(--panel); padding: .8rem 1.1rem;
  border-radius: 0 8px 8px 0; }}
.advice ul {{ margin: .2rem 0 0; padding-left: 1.2rem; }}
.advice li {{ margin: .25rem 0; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; }}
th {{ text-align: left; font-weight: 600; font-size: .84rem; color: var(--soft); }}
th, td {{ padding: .24rem .8rem .24rem 0; border-bottom: 1px solid var(--rule); vertical-align: middle; }}
th.t, td.t {{ min-width: 8rem; }}
th.n, td.n {{ text-align: right; white-space: nowrap; }}
details {{ margin-top: .8rem; }}
summary {{ cursor: pointer; color: var(--link); font-size: .9rem; }}
svg {{ display: block; }}
svg text {{ font: 14px system-ui, sans-serif; }}
.wide {{ width: 100%; height: auto; margin: .4rem 0 .8rem; }}
.bar {{ width: 100%; min-width: 8rem; height: .75rem; }}
.key {{ display: inline-block; width: 1.25em; height: 1.25em; vertical-align: -.25em; margin-right: .35em; }}
.map {{ height: auto; }}
.legend span {{ margin-right: 1.3rem; white-space: nowrap; font-size: .87rem; }}
.pair {{ display: flex; flex-wrap: wrap; gap: 0 2.5rem; }}
.pair > div {{ flex: 1 1 20rem; }}
figure {{ margin: 0 0 1.1rem; break-inside: avoid; }}
figcaption {{ margin-bottom: .25rem; }}
code {{ font: .92em ui-monospace, monospace; }}
.track {{ fill: var(--panel); }}
.grid {{ stroke: var(--rule); stroke-width: 1; }}
svg .tick {{ fill: var(--soft); font-size: 12px; }}
.line {{ fill: none; stroke-width: 2.2; stroke-linejoin: round; }}
svg .name {{ stroke: none; font-weight: 600; }}
polyline.of-mapped {{ stroke: var(--soft); stroke-dasharray: 7 4; }} text.of-mapped {{ fill: var(--soft); }}
polyline.of-resident {{ stroke: var(--gaps); }} text.of-resident {{ fill: var(--gaps); }}
polyline.of-allocated {{ stroke: var(--live); stroke-width: 3; }} text.of-allocated {{ fill: var(--live); }}
polyline.of-dirty {{ stroke: var(--slab_free); stroke-dasharray: 2 3; }} text.of-dirty {{ fill: var(--slab_free); }}
{_FILLS}
.on-purged {{ fill: var(--ink); }}
@media print {{
  body {{ max-width: none; padding: 0; font-size: 11px; }}
  section, .tile, tr {{ break-inside: avoid; }}
  article + article {{ break-before: page; }}
  details::details-content {{ content-visibility: visible; }}
  svg, .tile, .advice {{ print-color-adjust: exact; }}
}}
"""
