// The chip whose perturbation a training job includes.
#pragma once
#include <stdbool.h>

struct err;
struct train_job;

// Loads it, maps the job's net onto it and creates the hooks; does nothing for jobs without a chip.
bool job_load_chip(struct train_job *job, struct err *err);
void job_unload_chip(
    struct train_job *job); // before the net is destroyed; fine if nothing is loaded
