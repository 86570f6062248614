// Whether what a job names in its chip and its net is there: every key and value of `set`, of swept
// paths and of searched settings, against the tables of chips and nets. Opens the two, not the
// images or the weights.
#pragma once
#include <stdbool.h>

struct err;
struct job;
struct search_job;

bool job_check_sweep(const struct job *job, struct err *err);
// The keys of the training jobs that it names, too.
bool job_check_search(const struct search_job *job, struct err *err);
