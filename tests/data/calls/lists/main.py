def one(): pass
def two(): pass
def three(): pass
tasks = [one, two]
tasks[0]()
tasks.append(three)
for task in tasks:
    task()
tasks[1:][0]()
others = [*tasks, one]
others[0]()
matrix = [[one], [two, three]]
matrix[1][1]()
[task() for task in (one, two)]
filled = [None]
filled[0] = three
filled[0]()
last = []
last.extend([two])
last.pop()()
chosen = [task for task in tasks if task]
chosen[0]()
left, right = [one, two]
right()
