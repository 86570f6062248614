#include "nets/encode.h"

#include <math.h>
#include <stddef.h>

#include "nets/net.h"
#include "base/err.h"

void encode_bits(const struct net *net, const uint8_t *image, uint8_t *planes)
{
    size_t pixels = (size_t)net->raw_h * net->raw_w;
    int planes_each = net->layers[0].out_c / net->raw_c;
    for (int level = 0; level < planes_each; level++)
        for (int c = 0; c < net->raw_c; c++) {
            const uint8_t *from = image + c * pixels;
            uint8_t *to = planes + ((size_t)level * net->raw_c + c) * pixels;
            if (net->encoder == ENCODER_BIT_PLANES)
                for (size_t i = 0; i < pixels; i++)
                    to[i] = from[i] >> (planes_each - 1 - level) & 1;
            else if (net->encoder == ENCODER_SIGN) // 2x - 1 >= 0, x = pixel / (2^bits - 1)
                for (size_t i = 0; i < pixels; i++)
                    to[i] = 2 * from[i] >= (1 << net->raw_bits) - 1;
            else // above (2 * level + 1) * 256 / (2 * levels), in whole numbers
                for (size_t i = 0; i < pixels; i++)
                    to[i] = 2 * from[i] * planes_each > (2 * level + 1) * 256;
        }
}

static float normalise(enum net_normalise how, int channel, double x)
{
    static const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
    if (how == NORMALISE_MNIST)
        return (float)((x - 0.1307) / 0.3081);
    if (how == NORMALISE_IMAGENET)
        return (float)((x - mean[channel % 3]) / std[channel % 3]);
    return (float)x;
}

double encode_range(const struct net *net)
{
    double largest = 1;
    for (int c = 0; c < net->raw_c && net->encoder == ENCODER_RAW; c++) {
        double black = fabs((double)normalise(net->normalise, c, 0));
        double white = fabs((double)normalise(net->normalise, c, 1));
        largest = c == 0 || black > largest ? black : largest;
        largest = largest > white ? largest : white;
    }
    return largest;
}

void encode_floats(const struct net *net, const uint8_t *image, float *planes)
{
    const struct layer *in = &net->layers[0];
    size_t pixels = (size_t)in->out_h * in->out_w, n = pixels * in->out_c;
    if (net->encoder == ENCODER_RAW) {
        double most = (1 << net->raw_bits) - 1;
        for (int c = 0; c < in->out_c; c++)
            for (size_t i = 0; i < pixels; i++)
                planes[c * pixels + i] = normalise(net->normalise, c, image[c * pixels + i] / most);
        return;
    }
    // In place, from the back: the bits take the first quarter of the floats' room.
    uint8_t *bits = (uint8_t *)planes;
    encode_bits(net, image, bits);
    for (size_t i = n; i-- > 0;) {
        planes[i] = bits[i] ? 1.0F : in->bipolar ? -1.0F : 0;
    }
}

bool encode_check(const struct net *net, const char *data, struct err *err)
{
    if (net->raw_bits == 8 || net->encoder == ENCODER_THERMOMETER)
        return true;
    return err_set(err,
                   "net '%s' reads pixels of %d bits, those of the set '%s' have 8; set input.bits "
                   "to 8 (--set net.input.bits=8)",
                   net->name, net->raw_bits, data);
}
