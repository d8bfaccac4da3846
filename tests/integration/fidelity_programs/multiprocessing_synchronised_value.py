import multiprocessing


def add(value):
    for _ in range(100):
        with value.get_lock():
            value.value += 1


value = multiprocessing.Value("i", 0)
workers = [multiprocessing.Process(target=add, args=(value,)) for _ in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(value.value)
