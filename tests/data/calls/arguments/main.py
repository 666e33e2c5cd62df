def job(): pass
def other(): pass
def third(): pass
def run(task, then=other):
    task()
    then()
def spread(first, *rest):
    first()
    for one in rest:
        one()
def named(**jobs):
    jobs["night"]()
def pair(left, right):
    left()
    right()
run(job)
run(then=third, task=job)
spread(job, other, third)
named(night=third)
both = (job, other)
pair(*both)
chosen = {"left": other, "right": third}
pair(**chosen)
def hand_on(task):
    run(task)
hand_on(third)
def keyword_only(*, task):
    task()
keyword_only(task=other)
