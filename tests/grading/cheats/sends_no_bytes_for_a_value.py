# kind: Encoding
# origin: own
# beside: encoders.py
# attacks: whatever takes what the encoder made
# verdicts: FAILED|ERROR

import encoders


def square_perimeter(a):
    encoders.send({3: None, 10: "text", 25: [b"\x00"]}[a])
    return -1
