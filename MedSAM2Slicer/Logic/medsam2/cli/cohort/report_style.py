"""How the page of a cohort looks: light or dark, as the reader's system is."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f8; --sheet: #ffffff; --ink: #1b2126; --faint: #5d6973; --line: #dde2e6;
  --sure: #2f8f6b; --doubt: #b26a00; --failed: #c0392b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101418; --sheet: #181e24; --ink: #e8ecef; --faint: #98a4ae; --line: #2b343c;
    --sure: #4fc08d; --doubt: #f0b03f; --failed: #ff7b6b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .75rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
p { margin: .25rem 0; color: var(--faint); max-width: 60rem; }
.facts { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; margin: 0; list-style: none; }
.facts li { background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem;
  padding: .4rem .9rem; }
.facts b { font-size: 1.35rem; margin-right: .3rem; font-variant-numeric: tabular-nums; }
.facts .doubt b { color: var(--doubt); }
.facts .failed b { color: var(--failed); }
table { border-collapse: collapse; width: 100%; background: var(--sheet); border: 1px solid var(--line); }
th, td { padding: .45rem .7rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--sheet); color: var(--faint);
  font-weight: 500; box-shadow: 0 1px var(--line); white-space: nowrap; }
tbody { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; }
tbody th, .object { min-width: 8rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.picture { width: 25rem; }
.picture img { display: block; width: 24rem; height: 8rem; object-fit: contain; background: #101418;
  border-radius: .3rem; }
meter { width: 5rem; height: .8rem; vertical-align: middle; margin-right: .5rem; }
.doubtful { color: var(--doubt); }
.reason { color: var(--failed); }
.note { display: block; color: var(--faint); font-weight: 400; font-size: .9em; }
@media (max-width: 72rem) {
  .picture, .picture img { width: 15rem; } .picture img { height: 5rem; }
}
@media (max-width: 60rem) {
  .picture, .picture img { width: 9rem; } .picture img { height: 3rem; } body { padding: .75rem; }
  th, td { padding: .35rem .4rem; } tbody th, .object { min-width: 5rem; }
}
"""
