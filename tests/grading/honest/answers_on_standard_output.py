# origin: own
# task: dialogue

import sys

for line in sys.stdin:
    print(4 * int(line))
