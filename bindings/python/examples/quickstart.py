import quipu as wandb

run = wandb.init(project="quickstart")
weight = 0.0
for step in range(100):  # fit y = 2 x at x = 3
    error = weight * 3 - 6
    weight -= 0.02 * error * 3
    run.log({"loss": error * error, "weight": weight})
run.finish()
