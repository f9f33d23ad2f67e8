"""What each family of the working group's vectors asks: one function a family, `check(suite, case)`.

A function returns if the case holds and raises whatever shows that it does not.
"""
