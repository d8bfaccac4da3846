import warnings

for entry in warnings.filters:
    print(entry)
