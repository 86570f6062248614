// The chip that a training job feels.
#pragma once
#include <stdbool.h>

struct err;
struct train_job;

// Loads it, maps the job's net onto it and makes the hooks; does nothing for jobs that feel none.
bool job_load_chip(struct train_job *job, struct err *err);
void job_unload_chip(struct train_job *job); // before the net is gone; nothing loaded is fine
