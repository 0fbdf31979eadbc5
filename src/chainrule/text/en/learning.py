"""Texts of optimizers, schedules, early stopping and the end of a fit."""

TABLE = {
    "setting.amount": "{setting} must be a finite number, 0 or more, not {value!r}. Try 0.0001.",
    "setting.flag": "{setting} must be True or False, not {value!r}.",
    "setting.callback": "callbacks must be a list of functions of one argument; {value!r} is none.",
    "setting.rate_schedule": "learning_rate must be a number, not {value!r}. Give what changes it as schedule=….",
    "setting.lbfgs_schedule": "lbfgs searches the length of each step itself. Leave out the schedule.",
    "optimizer.own": "The optimizer {name} is made of functions of your own, which are no plain data. Make it again in "
    "your program.",
    "optimizer.chain": "chain: {given} cannot stand before an optimizer. Only these can: {hint}.",
    "optimizer.chain_end": "chain must end with an optimizer, not with {given!r}; known: {hint}. (lbfgs has l2 of its own.)",
    "optimizer.settings": "optimizer {name}: these settings do not fit ({reason}). See its documentation.",
    "optimizer.whole_batch": "lbfgs takes no single step of a fixed length. Use it with fit; here choose another "
    "optimizer, such as adam.",
    "schedule.own": "The schedule {name} is a function of your own, which is no plain data. Hand it over again.",
    "schedule.settings": "schedule {name}: these settings do not fit ({reason}). See its documentation.",
    "schedule.factor": "The schedule {name} gives {value} for mini-batch {step}. It must be a finite number, 0 or more.",
    "stopping.choice": "early_stopping must be True, a number of epochs or EarlyStopping(…), not {value!r}.",
    "stopping.score": "Early stopping cannot watch the score: there is none. Give validation_data, or watch the cost.",
    "train.end.epochs": "After epoch {epoch}: all epochs are done.",
    "train.end.early_stopping": "After epoch {epoch}: stopped early, for there was no improvement.",
    "train.end.converged": "After iteration {epoch}: converged.",
    "train.end.callback": "After epoch {epoch}: stopped by a callback.",
    "train.end.interrupted": "After epoch {epoch}: interrupted.",
    "train.end.not_finite": "After epoch {epoch}: the cost became NaN or infinite.",
    "train.end.error": "After epoch {epoch}: ended by an error.",
    "train.end.best": "The parameters are those of epoch {best}, the best.",
}
