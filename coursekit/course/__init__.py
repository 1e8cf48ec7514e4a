"""The course as a whole: which notebooks there are, running them, and what came out.

lectures (which notebooks, read and cleaned) · preflight (may a run start?) · jobs (what is to be
done) · executor and worker (one notebook, one process, here or on a cluster) · results (what came
out, and its report) · runner (all of it together) · refresh and readme (the stored notebooks) ·
homework (students' copies) · slides and site (for a projector, for a browser) · doctor (why does it
not work).
"""

import sys

# jsonschema, which checks notebooks, would first build a parser for international addresses, which
# no notebook holds: two seconds for each process. Where it cannot be imported, it does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
