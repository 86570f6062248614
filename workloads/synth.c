// The generated set: ten drawn signs, bent, moved and lit by chance, among stray lines and noise.
// An image is a pure function of (form, part, index), made with whole numbers only, so every
// machine has the same bytes. workloads/README.md shows it and says how hard it is.
#include "base/mem.h"
#include "base/rng.h"
#include "workloads/reader.h"
#include "workloads/strokes.h"

enum {
    SEED = 1, // another one would be another set
    CLASSES = 10,
    CORNERS = 14,
    LIFT = 127,
    END = 126,
    TRAIN_IMAGES = 50000,
    TEST_IMAGES = 10000,
    MAX_SIDE = 32,
    MAX_STRAYS = 3, // lines that belong to no sign
    TURN = 64,      // angles are counted in 64ths of a turn
    SINE_ONE = 1 << 14,
};

struct form {
    int channels, side;
};

static const struct form grey28 = {1, 28}, colour32 = {3, 32};

// A sign is its corners, joined in order, in a box of +-100; a line ends where LIFT stands.
static const signed char signs[CLASSES][CORNERS][2] = {
    // ring
    {{100, 0},
     {87, 50},
     {50, 87},
     {0, 100},
     {-50, 87},
     {-87, 50},
     {-100, 0},
     {-87, -50},
     {-50, -87},
     {0, -100},
     {50, -87},
     {87, -50},
     {100, 0},
     {END}},
    {{0, -100}, {0, 100}, {LIFT}, {-100, 0}, {100, 0}, {END}},                // plus
    {{-80, -80}, {80, 80}, {LIFT}, {80, -80}, {-80, 80}, {END}},              // cross
    {{0, -95}, {90, 75}, {-90, 75}, {0, -95}, {END}},                         // triangle
    {{-78, -78}, {78, -78}, {78, 78}, {-78, 78}, {-78, -78}, {END}},          // square
    {{-85, -85}, {85, -85}, {LIFT}, {0, -85}, {0, 95}, {END}},                // T
    {{-60, -95}, {-60, 85}, {75, 85}, {END}},                                 // L
    {{-75, -85}, {75, -85}, {-75, 85}, {75, 85}, {END}},                      // Z
    {{-70, -90}, {-70, 40}, {-40, 80}, {40, 80}, {70, 40}, {70, -90}, {END}}, // U
    {{-70, -95}, {-70, 95}, {LIFT}, {70, -95}, {70, 95}, {LIFT}, {-70, 0}, {70, 0}, {END}}, // H
};

// Numbers for one image, in a row.
struct chip_sample {
    uint64_t index; // of the next 64 bits
    uint64_t bits;
    int left; // bytes of them not yet given out
};

static unsigned draw_bytes(struct chip_sample *sample, int n)
{
    if (sample->left < n) {
        sample->bits = rng_u64(SEED, RNG_SYNTH, sample->index++);
        sample->left = 8;
    }
    unsigned value = (unsigned)(sample->bits & ((UINT64_C(1) << 8 * n) - 1));
    sample->bits >>= 8 * n;
    sample->left -= n;
    return value;
}

// Low to high, both included; at most 65536 values.
static int draw_range(struct chip_sample *sample, int low, int high)
{
    return low + (int)((uint64_t)draw_bytes(sample, 2) * (unsigned)(high - low + 1) >> 16);
}

// Form, part, image and the place in the image's row of draws: all fields apart.
static struct chip_sample draw_start(const struct form *form, enum dataset_part part,
                                     uint64_t image)
{
    uint64_t set = (uint64_t)(form->channels == 1 ? 0 : 2) + (part == DATASET_TEST);
    return (struct chip_sample){.index = set << 60 | image << 16};
}

// Each ten images in a row hold every class once, in an order of their own.
static int class_of(const struct form *form, enum dataset_part part, size_t image)
{
    int order[CLASSES] = {0};
    // The block's row of draws lies behind those of all images.
    struct chip_sample sample = draw_start(form, part, UINT64_C(1) << 40 | image / CLASSES);
    for (int i = 0; i < CLASSES; i++) {
        int j = draw_range(&sample, 0, i);
        order[i] = order[j];
        order[j] = i;
    }
    return order[image % CLASSES];
}

static int sine(int angle)
{
    static const int quarter[TURN / 4 + 1] = {0,     1606,  3196,  4756,  6270,  7723,
                                              9102,  10394, 11585, 12665, 13623, 14449,
                                              15137, 15679, 16069, 16305, 16384};
    angle = (angle + TURN) % TURN;
    int folded = angle % (TURN / 2);
    int value = quarter[folded <= TURN / 4 ? folded : TURN / 2 - folded];
    return angle < TURN / 2 ? value : -value;
}

// Where the corners of a sign come to lie: stretched, slanted, turned, then moved.
struct pose {
    int wide, high; // units for 100 of the sign's
    int slant;      // percent
    int angle;
    struct point middle;
};

static struct pose draw_pose(struct chip_sample *sample, int side)
{
    int unit = side * STROKE_UNIT / 100; // a hundredth of the image
    struct pose pose;
    int size = draw_range(sample, 24 * unit, 36 * unit);
    pose.wide = size * draw_range(sample, 80, 110) / 100;
    pose.high = size * draw_range(sample, 80, 110) / 100;
    pose.slant = draw_range(sample, -12, 12);
    pose.angle = draw_range(sample, -4, 4);
    int room = side * STROKE_UNIT / 2 - size;
    pose.middle.x = side * STROKE_UNIT / 2 + draw_range(sample, -room, room) * 3 / 5;
    pose.middle.y = side * STROKE_UNIT / 2 + draw_range(sample, -room, room) * 3 / 5;
    return pose;
}

static struct point place(const struct pose *pose, const signed char corner[2])
{
    int x = (corner[0] + corner[1] * pose->slant / 100) * pose->wide / 100;
    int y = corner[1] * pose->high / 100;
    int s = sine(pose->angle), c = sine(pose->angle + TURN / 4);
    return (struct point){pose->middle.x + (x * c - y * s) / SINE_ONE,
                          pose->middle.y + (x * s + y * c) / SINE_ONE};
}

static void draw_sign(struct chip_sample *sample, uint8_t *mask, int side, int class)
{
    struct pose pose = draw_pose(sample, side);
    int width = draw_range(sample, side * 3, side * 7); // 1.3 to 3.1 pixels of 28
    const signed char(*sign)[2] = signs[class];
    for (int i = 0; sign[i + 1][0] != END; i++)
        if (sign[i][0] != LIFT && sign[i + 1][0] != LIFT)
            stroke_draw(mask, side, place(&pose, sign[i]), place(&pose, sign[i + 1]), width, 255);
}

static void draw_stray(struct chip_sample *sample, uint8_t *mask, int side)
{
    int end = side * STROKE_UNIT - 1;
    struct point a, b;
    a.x = draw_range(sample, 0, end);
    a.y = draw_range(sample, 0, end);
    int angle = draw_range(sample, 0, TURN - 1);
    int length = draw_range(sample, end / 8, end / 4);
    b.x = a.x + length * sine(angle) / SINE_ONE;
    b.y = a.y + length * sine(angle + TURN / 4) / SINE_ONE;
    int width = draw_range(sample, side * 2, side * 4);
    stroke_draw(mask, side, a, b, width, draw_range(sample, 100, 220));
}

// What lights an image: its ground, the slope of the ground, pen and grain.
struct light {
    int ground, slope_x, slope_y, pen, grain;
};

static struct light draw_light(struct chip_sample *sample)
{
    struct light light;
    light.ground = draw_range(sample, 30, 100);
    light.slope_x = draw_range(sample, -40, 40);
    light.slope_y = draw_range(sample, -40, 40);
    light.pen = draw_range(sample, 60, 150);
    light.grain = draw_range(sample, 10, 50);
    return light;
}

// The colour of ground and pen in one channel. The pen keeps its full strength in one of them, so
// that no sign fades away.
static struct light tint(struct chip_sample *sample, struct light light, bool full)
{
    light.ground += draw_range(sample, -30, 30);
    light.pen = light.pen * (full ? 100 : draw_range(sample, -20, 100)) / 100;
    return light;
}

static void shade(struct chip_sample *sample, const uint8_t *mask, int side,
                  const struct light *light, uint8_t *plane)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int i = y * side + x;
            // Two bytes, so that small deviations are commoner than large ones.
            int noise = (int)draw_bytes(sample, 1) + (int)draw_bytes(sample, 1) - 255;
            int value = light->ground + light->slope_x * (2 * x - side) / side +
                        light->slope_y * (2 * y - side) / side + light->pen * mask[i] / 255 +
                        light->grain * noise / 255;
            plane[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
}

static void make_image(const struct form *form, enum dataset_part part, size_t i, int class,
                       uint8_t *image)
{
    uint8_t mask[MAX_SIDE * MAX_SIDE] = {0};
    int pixels = form->side * form->side;
    struct chip_sample sample = draw_start(form, part, i);
    for (int n = draw_range(&sample, 0, MAX_STRAYS); n > 0; n--)
        draw_stray(&sample, mask, form->side);
    draw_sign(&sample, mask, form->side, class);
    struct light light = draw_light(&sample);
    int full = draw_range(&sample, 0, form->channels - 1);
    for (int c = 0; c < form->channels; c++) {
        struct light own = form->channels > 1 ? tint(&sample, light, c == full) : light;
        shade(&sample, mask, form->side, &own, image + (size_t)c * pixels);
    }
}

static void make(const struct form *form, enum dataset_part part, size_t most, struct dataset *set)
{
    size_t all = part == DATASET_TEST ? TEST_IMAGES : TRAIN_IMAGES;
    set->channels = form->channels;
    set->height = set->width = form->side;
    set->classes = CLASSES;
    set->n = most < all ? most : all;
    size_t bytes = dataset_image_bytes(set);
    uint8_t *images = arena_alloc(set->mem, set->n, bytes);
    uint8_t *labels = arena_alloc(set->mem, set->n, 1);
    for (size_t i = 0; i < set->n; i++) {
        labels[i] = (uint8_t)class_of(form, part, i);
        make_image(form, part, i, labels[i], images + i * bytes);
    }
    set->images = images;
    set->labels = labels;
}

static bool synth_open(const char *folder, enum dataset_part part, size_t most, struct dataset *set,
                       struct err *err)
{
    (void)folder, (void)err;
    make(&grey28, part, most, set);
    return true;
}

static bool synth32_open(const char *folder, enum dataset_part part, size_t most,
                         struct dataset *set, struct err *err)
{
    (void)folder, (void)err;
    make(&colour32, part, most, set);
    return true;
}

const struct reader synth_reader = {"synth", NULL, synth_open};
const struct reader synth32_reader = {"synth32", NULL, synth32_open};
