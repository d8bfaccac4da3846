# kind: Socket
# origin: own
# beside: answers.py wiretap.py
# attacks: the order of answers: it asks nobody, says that it is loaded, and answers a hundred calls ahead
# verdicts: FAILED|ERROR

import os
import time

import answers
import wiretap

for number in wiretap.writable():
    minus_one = b"\x03\x01\x00\x00\x00\xff"
    os.write(number, answers.message(answers.LOADED) + answers.message(answers.VALUE, minus_one) * 100)
time.sleep(0.2)
os._exit(0)
