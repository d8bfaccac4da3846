import multiprocessing


def work(queue, number):
    queue.put(number * number)


context = multiprocessing.get_context("fork")
queue = context.Queue()
processes = [context.Process(target=work, args=(queue, number)) for number in range(3)]
for process in processes:
    process.start()
print(sorted(queue.get() for _ in processes))
for process in processes:
    process.join()
print([process.exitcode for process in processes])
