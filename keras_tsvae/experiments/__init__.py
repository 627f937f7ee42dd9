"""An experiment as data: data set, model, fit, evaluation, and the folder of a run."""
