// The plot of a sweep: data and script are kept beside the picture, so that it can be restyled.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "tools/sweep/sweep_loop.h"
#include "tools/study/gnuplot.h"
#include "tools/sweep/export.h"
#include "tools/sweep/job.h"
#include "tools/sweep/plan.h"

// Points of one series lie n_series apart: the first axis is the slowest.
struct figure {
    const struct sweep_loop *drive;
    const struct job_axis *x;
    size_t n_series;
    bool numbers; // values of x are numbers; else equally spaced categories
    bool rate;
    struct arena *mem;
};

static bool all_numbers(const struct job_axis *axis)
{
    for (size_t i = 0; i < axis->n; i++) {
        double value;
        if (!number_parse(axis->values[i], -HUGE_VAL, HUGE_VAL, &value))
            return false;
    }
    return true;
}

// A fraction, shown in percent.
static bool is_rate(const struct job_axis *axis)
{
    return axis->defect && axis->defect->max <= 1;
}

static struct figure figure_of(const struct sweep_loop *drive, struct arena *mem)
{
    const struct job_axis *x = job_axis(drive->plan->job, 0);
    return (struct figure){.drive = drive,
                           .x = x,
                           .n_series = drive->plan->n_points / x->n,
                           .numbers = all_numbers(x),
                           .rate = is_rate(x),
                           .mem = mem};
}

static const char *shown_path(const struct job_axis *axis)
{
    return !axis->defect                         ? axis->path
           : axis->defect == job_defect("sa0")   ? "stuck at low resistance (SA0)"
           : axis->defect == job_defect("sa1")   ? "stuck at high resistance (SA1)"
           : axis->defect == job_defect("sigma") ? "variation of resistances (sigma)"
                                                 : axis->path;
}

static const char *shown_value(const struct figure *f, const struct job_axis *axis,
                               const char *value)
{
    if (!is_rate(axis))
        return value;
    return arena_printf(f->mem, "%.6g %%", 100 * strtod(value, NULL));
}

static const char *series_title(const struct figure *f, size_t s)
{
    const struct job *job = f->drive->plan->job;
    const char *title = "";
    for (size_t a = 1; a < job->sweep.n; a++) {
        const struct job_axis *axis = job_axis(job, a);
        const char *value = f->drive->plan->points[s].values[a];
        title = arena_printf(f->mem, "%s%s%s %s", title, *title ? ", " : "", shown_path(axis),
                             shown_value(f, axis, value));
    }
    return title;
}

static void write_data(const struct figure *f, FILE *out)
{
    const struct plan *plan = f->drive->plan;
    fprintf(out, "# job %s [%s]; one block a curve\n", escape_line(f->mem, plan->job->name),
            plan->hash);
    fprintf(out, "# %s%s, accuracy in %%, half of its 95 %% interval (0: one trial), trials\n",
            f->numbers ? escape_line(f->mem, f->x->path) : "place", f->rate ? " in %" : "");
    for (size_t s = 0; s < f->n_series; s++) {
        const char *title = series_title(f, s);
        fprintf(out, "%s# %s\n", s ? "\n\n" : "",
                *title ? escape_gnuplot(f->mem, title) : "one curve");
        for (size_t i = 0; i < f->x->n; i++) {
            struct export_point e = export_point(f->drive, i * f->n_series + s);
            double x = f->numbers ? strtod(f->x->values[i], NULL) : (double)i;
            fprintf(out, "%.10g %.6f %.6f %zu\n", f->rate ? 100 * x : x, 100 * e.mean,
                    100 * e.interval, e.n);
        }
    }
}

static void write_ticks(const struct figure *f, FILE *out)
{
    fputs("set xtics (", out);
    for (size_t i = 0; i < f->x->n; i++)
        fprintf(out, "%s%s %zu", i ? ", " : "", escape_gnuplot_tic(f->mem, f->x->values[i]), i);
    fputs(")\n", out);
}

// Curves are distinguished by points and dashes first, then by colours of different lightness.
static void write_curves(const struct figure *f, FILE *out)
{
    static const char *const colours[] = {"#000000", "#0072b2", "#d55e00", "#009e73", "#8a8a8a"};
    static const int points[] = {7, 4, 8, 5, 12, 6, 9, 2};
    fputs("plot \\\n", out);
    for (size_t s = 0; s < f->n_series; s++)
        fprintf(out,
                "  'accuracy.dat' index %zu using 1:2:3 with yerrorlines dashtype %zu pointtype %d "
                "linecolor rgb '%s' %s%s%s\n",
                s, s % 5 + 1, points[s % (sizeof points / sizeof *points)],
                colours[s % (sizeof colours / sizeof *colours)],
                f->drive->plan->job->sweep.n > 1 ? "title " : "notitle",
                f->drive->plan->job->sweep.n > 1 ? escape_gnuplot(f->mem, series_title(f, s)) : "",
                s + 1 < f->n_series ? ", \\" : "");
}

static void write_script(const struct figure *f, FILE *out)
{
    const struct plan *plan = f->drive->plan;
    const char *unit = f->rate ? "cells " : "";
    fprintf(out, "# gnuplot -d accuracy.gp > accuracy.svg\n"
                 "set terminal svg size 760,500 noenhanced font 'sans,14' linewidth 1.4 "
                 "background '#ffffff'\n"
                 "set encoding utf8\n");
    fprintf(out, "set title %s\n",
            escape_gnuplot(f->mem,
                           arena_printf(f->mem, "%s: %s on %s, %zu images of %s", plan->job->name,
                                        plan->net, plan->chip, plan->images, plan->data_name)));
    fprintf(out, "set xlabel %s\n",
            escape_gnuplot(f->mem, arena_printf(f->mem, "%s%s%s", unit, shown_path(f->x),
                                                f->rate ? " (%)" : "")));
    fputs("set ylabel 'accuracy (%), mean and 95 % interval'\n"
          "set grid back linecolor rgb '#d0d0d0' dashtype 1 linewidth 0.5\n"
          "set key below\n"
          "set offsets graph 0.03, graph 0.03, graph 0.05, graph 0.05\n"
          "set bars 0.6\n",
          out);
    if (!f->numbers)
        write_ticks(f, out);
    write_curves(f, out);
}

static bool write_file(const struct figure *f, const char *path,
                       void (*write)(const struct figure *f, FILE *out), struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    write(f, file_stream(out));
    return file_commit(out, err);
}

bool export_plot(const struct sweep_loop *drive, const struct export_params *params, bool *drawn,
                 struct err *why, struct err *err)
{
    struct arena *mem = arena_create();
    struct figure f = figure_of(drive, mem);
    const char *folder = params->folder;
    static const char *const names[] = {"accuracy", NULL};
    struct gnuplot_job pictures = {.folder = folder, .names = names, .stop = params->stop};
    bool ok = write_file(&f, arena_printf(mem, "%s/accuracy.dat", folder), write_data, err) &&
              write_file(&f, arena_printf(mem, "%s/accuracy.gp", folder), write_script, err) &&
              gnuplot_draw(&pictures, drawn, why, err);
    arena_destroy(mem);
    return ok;
}
