"""Published files as they are given to people: opened with care, whole, in part, or made small."""
