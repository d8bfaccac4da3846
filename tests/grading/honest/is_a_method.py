# origin: own


class Solution:
    def square_perimeter(self, a: int) -> int:
        return 4 * a


square_perimeter = Solution().square_perimeter
