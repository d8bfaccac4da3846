import signal

for number in sorted(signal.valid_signals()):
    disposition = signal.getsignal(number)
    if disposition not in (signal.SIG_DFL, None):
        print(number, disposition)
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
