# kind: Encoding
# origin: own
# task: perimeters
# attacks: the encoding, by threads that change what is being read
# verdicts: FAILED|ERROR

import sys
import threading

answer = [[number] for number in range(1000)]


def change():
    while True:
        answer.clear()
        answer.extend([number] for number in range(1000))
        answer[500] = answer


def square_perimeters(sides):
    sys.setswitchinterval(1e-6)
    threading.Thread(target=change, daemon=True).start()
    return answer
