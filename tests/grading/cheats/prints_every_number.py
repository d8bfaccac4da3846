# kind: Stdio
# origin: own
# task: dialogue
# attacks: whoever looks for the answer somewhere in what is printed
# verdicts: FAILED

print("\n".join(map(str, range(200))))
