// Images to the numbers that the first layer reads.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct err;
struct net;

// An image, raw_c x raw_h x raw_w bytes, to the input layer's planes, out_c x out_h x out_w of 0
// and
// 1. Only for nets whose encoder makes bits (thermometer: plane level * channels + channel is 1
// where the pixel is above (level + 1/2) * 256 / levels; bit planes: most significant first; sign:
// whether 2 * pixel / (2^bits - 1) - 1 is 0 or more).
void encode_bits(const struct net *net, const uint8_t *image, uint8_t *planes);
// The same as floats, -1 and +1 where the layer is bipolar; a raw image is normalised as the net
// says.
void encode_floats(const struct net *net, const uint8_t *image, float *planes);
// The largest absolute value that an element of these can have.
double encode_range(const struct net *net);
// Whether the net reads the pixels of data sets, 0..255: false, saying why, if it has an encoder to
// which input.bits matters, and other than 8 of them. `data` names the set.
bool encode_check(const struct net *net, const char *data, struct err *err);
