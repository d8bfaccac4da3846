# origin: published

import queue
import threading


def square_perimeter(a):
    answers = queue.Queue()
    threads = [threading.Thread(target=answers.put, args=(a,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answers.get() for _ in threads)
