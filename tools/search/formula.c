#include "tools/search/formula.h"

#include <math.h>

#define AT(member) .offset = offsetof(struct formula, member)
const struct conf_field formula_fields[] = {
    {"ceiling", CONF_NUM, AT(ceiling), .min = 0, .max = 1, .fallback = "0.9435",
     .help = "accuracy of endlessly wide layers"},
    {"loss", CONF_NUM, AT(loss), .min = 0, .max = 1, .fallback = "0.1313",
     .help = "what the net at ratio 1 is below it"},
    {"power", CONF_NUM, AT(power), .min = 0.01, .max = 10, .fallback = "1.282",
     .help = "the loss of a layer falls as ratio^-power"},
    {"front", CONF_NUM, AT(front), .min = 0.01, .max = 100, .fallback = "3",
     .help = "the first layer's share of the loss over the last one's"},
    {0},
};
#undef AT

double formula_accuracy(const struct formula *formula, const double *ratios, size_t n)
{
    double shares = 0, loss = 0;
    for (size_t l = 0; l < n; l++) {
        double place = n > 1 ? (double)l / (double)(n - 1) : 0;
        double share = formula->front + (1 - formula->front) * place;
        shares += share;
        loss += share * pow(ratios[l], -formula->power);
    }
    double accuracy = formula->ceiling - formula->loss * loss / shares;
    return accuracy < 0 ? 0 : accuracy > 1 ? 1 : accuracy;
}
