# origin: own
# task: dialogue


def main():
    while True:
        try:
            print(4 * int(input()), end=" \n")
        except EOFError:
            break
    print()


if __name__ == "__main__":
    main()
