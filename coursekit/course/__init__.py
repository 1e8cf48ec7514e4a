"""Floor 3. The course as a whole: which notebooks there are, running them, and what came out.

catalogue (which notebooks) · ready (may a run start?) · plan (what is to be done) · pool (who does
it when) · job and worker (one notebook, one process) · reasons (errors in a sentence) · board (the
terminal) · run (all of it together) · outputs and report (what came out) · tidy and refresh (the
stored notebooks) · slides and site (for a projector, for a browser) · doctor (why does it not work)
· files (whole or not at all).
"""

import sys

# jsonschema, which checks notebooks, would first build a parser for international addresses, which
# no notebook holds: two seconds for each process. Where it cannot be imported, it does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
