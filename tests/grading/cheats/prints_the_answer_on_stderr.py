# kind: Stdio
# origin: own
# task: dialogue
# fools: stdout_lines
# verdicts: FAILED

import sys

for line in sys.stdin:
    print(4 * int(line), file=sys.stderr)
