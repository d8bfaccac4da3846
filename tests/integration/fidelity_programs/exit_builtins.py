print(exit, quit)
print(copyright.__class__.__name__, credits.__class__.__name__, license.__class__.__name__, help)
exit(13)
