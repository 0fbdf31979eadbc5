"""Maximum likelihood for a normal distribution: mean and log of the standard deviation."""
import math


def negative_log_likelihood(sample, mu, log_sigma):
    sigma = math.exp(log_sigma)
    total = 0.0
    for value in sample:
        total += 0.5 * ((value - mu) / sigma) ** 2 + log_sigma
    return total + 0.5 * len(sample) * math.log(2 * math.pi)


def gradient(sample, mu, log_sigma):
    sigma = math.exp(log_sigma)
    d_mu = 0.0
    d_log_sigma = 0.0
    for value in sample:
        d_mu -= (value - mu) / sigma ** 2
        d_log_sigma += 1 - ((value - mu) / sigma) ** 2
    return d_mu, d_log_sigma


def main():
    sample = [2.3, 1.9, 3.1, 2.7, 2.2]
    mu, log_sigma = 0.5, 0.3
    for step in range(200):
        nll = negative_log_likelihood(sample, mu, log_sigma)
        dmu, dlog_sigma = gradient(sample, mu, log_sigma)
        mu -= 0.01 * dmu
        log_sigma -= 0.01 * dlog_sigma
        if step % 50 == 0:
            print(f"{step:4d} {nll:.4f} mu={mu:.3f} sigma={math.exp(log_sigma):.3f}")


if __name__ == "__main__":
    main()
