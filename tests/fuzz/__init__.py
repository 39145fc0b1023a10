"""Files as a stranger might send them: sound ones, changed by a seed, through the doors that users go through.

- `kinds` lists the kinds of files: how a sound one is made (`samples`, `slides`), and through which door it goes;
- `mutators` change a file, by its bytes or by its structure;
- `doors` are what a user does with it;
- `worker` runs a door in a process that may die, hang or take too much memory, and `verdict` says what that means;
- `test_fuzz` tries a bounded number of inputs in every run of the tests, and as many as wanted by an option.

CONTRIBUTING.md says how to run many, and how to add a kind.
"""
