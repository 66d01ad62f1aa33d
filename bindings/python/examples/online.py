"""Trains against a server: `quipu login`, or WANDB_BASE_URL and WANDB_API_KEY, say which.

The page of the run is printed; pressing stop there interrupts the program as Ctrl-C does.
"""

import quipu as wandb

with wandb.init(project="quickstart", mode="online") as run:  # returns at once: the server is asked meanwhile
    weight = 0.0
    for step in range(100):  # fit y = 2 x at x = 3
        error = weight * 3 - 6
        weight -= 0.02 * error * 3
        run.log({"loss": error * error, "weight": weight})
print(f"{run.stats()['rows_uploaded']} rows sent to {run.url}")
