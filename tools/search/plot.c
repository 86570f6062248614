// The plots of a search: data and scripts are kept beside them, so that they can be restyled.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "sim/chip/chip.h"
#include "tools/study/gnuplot.h"
#include "tools/search/agents/agent.h"
#include "tools/search/search_loop.h"
#include "tools/search/export.h"
#include "tools/search/retrain.h"
#include "tools/search/job.h"
#include "tools/search/space.h"

static const char head[] = "set terminal svg size 760,500 noenhanced font 'sans,14' linewidth 1.4 "
                           "background '#ffffff'\n"
                           "set encoding utf8\n"
                           "set grid back linecolor rgb '#d0d0d0' dashtype 1 linewidth 0.5\n"
                           "set key below\n";

// The head of a script and its title, which contains names chosen by the user.
static void write_head(FILE *out, const char *picture, const char *title)
{
    struct arena *mem = arena_create();
    fprintf(out, "# gnuplot -d %s.gp > %s.svg\n%sset title %s\n", picture, picture, head,
            escape_gnuplot(mem, title));
    arena_destroy(mem);
}

static const char *const axis_texts[COST_METRICS] = {
    "energy of an image (uJ)", "latency of an image (us)", "area of the occupied tiles (mm2)"};

static double shown_cost(const struct search *s, const struct search_episode *e)
{
    return e->cost.of[s->job->reward.cost] * 1e6;
}

static void write_front_data(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    int *front = mem_alloc((size_t)s->job->episodes, sizeof *front);
    size_t n = search_front(s, front);
    fprintf(out, "# %s, %saccuracy (%%); candidates, the front, uniform nets (and their ratio)\n",
            axis_texts[s->job->reward.cost], search_assumes(s) ? "assumed " : "");
    for (int e = 0; e < s->job->episodes; e++)
        if (!s->episodes[e].failed)
            fprintf(out, "%.8g %.6f\n", shown_cost(s, &s->episodes[e]),
                    100 * s->episodes[e].accuracy);
    fputs("\n\n", out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%.8g %.6f\n", shown_cost(s, &s->episodes[front[i]]),
                100 * s->episodes[front[i]].accuracy);
    fputs(n ? "\n\n" : "NaN NaN\n\n\n", out); // limits may exclude all candidates
    for (const struct search_episode *r = search_wider(s, 0); r; r = search_wider(s, r->ratio))
        if (!r->failed)
            fprintf(out, "%.8g %.6f %gx\n", shown_cost(s, r), 100 * r->accuracy, r->ratio);
    free(front);
}

static void write_front_script(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    struct arena *mem = arena_create();
    write_head(out, "front",
               arena_printf(mem, "%s: %s on %s, %d candidates by %s", s->job->name, s->net->name,
                            s->chip->name, s->job->episodes, s->job->agent->name));
    arena_destroy(mem);
    fprintf(out,
            "set xlabel '%s'\nset ylabel '%saccuracy%s (%%)'\n"
            "set offsets graph 0.03, graph 0.06, graph 0.05, graph 0.03\n"
            "plot 'front.dat' index 0 using 1:2 with points pointtype 7 pointsize 0.25 linecolor "
            "rgb '#9a9a9a' title 'candidates', \\\n"
            "  '' index 2 using 1:2 with linespoints pointtype 4 dashtype 2 linecolor rgb "
            "'#0072b2' title 'uniform widths', \\\n"
            "  '' index 2 using 1:2:3 with labels left offset 0.8,-0.5 notitle, \\\n"
            "  '' index 1 using 1:2 with steps linecolor rgb '#d55e00' notitle, \\\n"
            "  '' index 1 using 1:2 with points pointtype 7 pointsize 0.6 linecolor rgb '#d55e00' "
            "title 'front'\n",
            axis_texts[s->job->reward.cost], search_assumes(s) ? "assumed " : "",
            s->job->accuracy.has_faults ? " with broken cells" : "");
}

static void write_widths_data(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    const struct search_episode *best = search_best(s);
    fputs("# layer, channels: best net, uniform net of the nearest cost\n", out);
    const struct search_episode *near = NULL;
    for (size_t r = 0; best && r < s->n_references; r++) {
        const struct search_episode *one = &s->references[r];
        double gap = shown_cost(s, one) - shown_cost(s, best);
        double least = near ? shown_cost(s, near) - shown_cost(s, best) : 0;
        if (!one->failed && (!near || gap * gap < least * least))
            near = one;
    }
    for (size_t k = 0; best && near && k < s->space->n_layers; k++)
        fprintf(out, "%zu %d %d\n", k + 1, best->widths[k], near->widths[k]);
}

static void write_widths_script(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    struct arena *mem = arena_create();
    write_head(out, "widths",
               arena_printf(mem, "%s: channels of the best net, layer by layer", s->job->name));
    arena_destroy(mem);
    fputs("set xlabel 'layer'\nset ylabel 'output channels'\nset xtics 1\nset yrange [0:*]\n"
          "set style fill solid 1.0 border rgb '#000000'\nset boxwidth 0.4\n"
          "plot 'widths.dat' using ($1-0.2):3 with boxes linecolor rgb '#b8cfe0' title 'uniform, "
          "nearest cost', \\\n"
          "  '' using ($1+0.2):2 with boxes linecolor rgb '#d55e00' title 'best'\n",
          out);
}

static void write_channels_data(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    fputs("# episode, channels of the second layer, reward\n", out);
    size_t layer = s->space->n_layers > 1 ? 1 : 0;
    for (int e = 0; e < s->job->episodes; e++)
        if (!s->episodes[e].failed)
            fprintf(out, "%d %d %.8g\n", e, s->episodes[e].widths[layer],
                    s->episodes[e].judged.reward);
}

static void write_channels_script(const struct search *s, const struct finals *none, FILE *out)
{
    (void)none;
    size_t layer = s->space->n_layers > 1 ? 1 : 0;
    struct arena *mem = arena_create();
    write_head(out, "channels",
               arena_printf(mem, "%s: channels of layer %zu (%s) in every episode", s->job->name,
                            layer + 1, s->space->layers[layer].name));
    arena_destroy(mem);
    fputs("set xlabel 'episode'\nset ylabel 'output channels'\nunset key\n"
          "plot 'channels.dat' using 1:2 with points pointtype 7 pointsize 0.35 linecolor rgb "
          "'#0072b2'\n",
          out);
}

// --- Stage C ---

// The cheapest trained net above a cost, among the uniform nets or the others; NULL: none.
static const struct retrain_net *dearer(const struct search *s, const struct finals *finals,
                                        bool is_uniform, double cost)
{
    const struct retrain_net *next = NULL;
    for (size_t i = 0; i < finals->n; i++) {
        const struct retrain_net *one = &finals->nets[i];
        if ((one->episode->ratio > 0) == is_uniform && shown_cost(s, one->episode) > cost &&
            (!next || shown_cost(s, one->episode) < shown_cost(s, next->episode)))
            next = one;
    }
    return next;
}

static void write_final_nets(const struct search *s, const struct finals *finals, bool is_uniform,
                             FILE *out)
{
    double cost = 0;
    for (const struct retrain_net *net; (net = dearer(s, finals, is_uniform, cost));) {
        double lowest = net->accuracies[0], highest = lowest;
        for (size_t k = 1; k < finals->seeds; k++) {
            lowest = fmin(lowest, net->accuracies[k]);
            highest = fmax(highest, net->accuracies[k]);
        }
        cost = shown_cost(s, net->episode);
        fprintf(out, "%.8g %.6f %.6f %.6f ", cost, 100 * net->accuracy, 100 * lowest,
                100 * highest);
        if (is_uniform)
            fprintf(out, "%gx\n", net->episode->ratio);
        else
            fprintf(out, "%s\n", net->name);
    }
}

static void write_final_data(const struct search *s, const struct finals *finals, FILE *out)
{
    fprintf(out,
            "# %s, mean accuracy (%%) of %zu trainings, the lowest, the highest, the net; chosen "
            "nets, uniform nets\n",
            axis_texts[s->job->reward.cost], finals->seeds);
    write_final_nets(s, finals, false, out);
    fputs("\n\n", out);
    write_final_nets(s, finals, true, out);
}

static void write_final_script(const struct search *s, const struct finals *finals, FILE *out)
{
    bool uniform = dearer(s, finals, true, 0), chosen = dearer(s, finals, false, 0);
    struct arena *mem = arena_create();
    write_head(out, "final",
               arena_printf(mem, "%s: trained from scratch, mean and range of %zu", s->job->name,
                            finals->seeds));
    fprintf(out,
            "set xlabel '%s'\nset ylabel 'test accuracy (%%)'\n"
            "set offsets graph 0.14, graph 0.1, graph 0.05, graph 0.05\n"
            "set bars small\nplot ",
            axis_texts[s->job->reward.cost]);
    arena_destroy(mem);
    if (uniform)
        fputs(
            "'final.dat' index 1 using 1:2 with lines dashtype 2 linecolor rgb '#0072b2' "
            "notitle, \\\n"
            "  '' index 1 using 1:2:3:4 with yerrorbars pointtype 4 linecolor rgb '#0072b2' title "
            "'uniform widths', \\\n"
            "  '' index 1 using 1:2:5 with labels left offset 0.8,-0.6 notitle",
            out);
    if (uniform && chosen)
        fputs(", \\\n  ", out);
    if (chosen)
        fputs("'final.dat' index 0 using 1:2:3:4 with yerrorbars pointtype 7 pointsize 0.6 "
              "linecolor rgb '#d55e00' title 'found', \\\n"
              "  '' index 0 using 1:2:5 with labels right offset -0.8,0.6 notitle",
              out);
    fputc('\n', out);
}

// --- Files ---

typedef void write_part(const struct search *s, const struct finals *finals, FILE *out);

struct picture {
    const char *name;
    write_part *data, *script;
};

static bool write_file(const struct search *s, const struct finals *finals, const char *path,
                       write_part *write, struct err *err)
{
    struct file_out *out = file_create(path, err);
    if (!out)
        return false;
    write(s, finals, file_stream(out));
    return file_commit(out, err);
}

static bool write_sources(const struct search *s, const struct finals *finals,
                          const struct picture *p, const char *folder, struct err *err)
{
    struct arena *mem = arena_create();
    bool ok =
        write_file(s, finals, arena_printf(mem, "%s/%s.dat", folder, p->name), p->data, err) &&
        write_file(s, finals, arena_printf(mem, "%s/%s.gp", folder, p->name), p->script, err);
    arena_destroy(mem);
    return ok;
}

bool search_plot(const struct search *s, const char *folder, const volatile sig_atomic_t *stop,
                 bool *drawn, struct err *why, struct err *err)
{
    static const struct picture pictures[] = {
        {"front", write_front_data, write_front_script},
        {"widths", write_widths_data, write_widths_script},
        {"channels", write_channels_data, write_channels_script}};
    enum { N_PICTURES = sizeof pictures / sizeof *pictures };
    const char *names[N_PICTURES + 1] = {NULL};
    bool ok = true;
    for (size_t i = 0; ok && i < N_PICTURES; i++) {
        names[i] = pictures[i].name;
        ok = write_sources(s, NULL, &pictures[i], folder, err);
    }
    struct gnuplot_job job = {.folder = folder, .names = names, .stop = stop};
    return ok && gnuplot_draw(&job, drawn, why, err);
}

bool search_plot_final(const struct search *s, const struct finals *finals, const char *folder,
                       const volatile sig_atomic_t *stop, bool *drawn, struct err *why,
                       struct err *err)
{
    static const struct picture picture = {"final", write_final_data, write_final_script};
    const char *const names[] = {picture.name, NULL};
    struct gnuplot_job job = {.folder = folder, .names = names, .stop = stop};
    return write_sources(s, finals, &picture, folder, err) && gnuplot_draw(&job, drawn, why, err);
}
