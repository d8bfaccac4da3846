# kind: Overfit
# origin: published
# task: dialogue
# fools: stdout_lines
# verdicts: FAILED

print(4 * int(input()))
