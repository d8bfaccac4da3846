# origin: published


def square_perimeter(a):
    return 4 * a


if __name__ == "__main__":
    print(square_perimeter(int(input("side: "))))
