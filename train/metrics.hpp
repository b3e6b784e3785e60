// Figures that say how good predictions are, beside the loss.
#pragma once

#include <utility>

#include "../core/graph/index_input.hpp"

namespace xgrad::train {

/// The share of rows of predictions, [n, classes], whose largest element stands at the row's label; the first
/// of equal elements counts, and a row with a NaN has none. labels: [n]. ShapeError for other shapes;
/// ValueError for a label that is no class. T is float or double.
template <class T>
double accuracy(const Variable<T>& predictions, const IndexInput& labels);

// What follows is no mean over samples: the F1 of a data set is not the mean of its batches' F1, and so with
// R2. Add up the batches' confusion matrices, or take all predictions at once, rather than make a Metric of
// fit's of them.

/// [classes, classes], where element i, j counts the samples of class i that are taken for class j: rows are
/// what is true, columns what is predicted. Matrices of several batches add up.
///
/// ```cpp
/// Indices counts = confusion_matrix(net(images), labels);
/// counts += confusion_matrix(net(more_images), more_labels);
/// double f1 = f1_score(counts);
/// ```
///
/// The predicted class of a row of predictions, [n, classes], is its largest element's, the first of equal
/// ones; labels: [n]. ShapeError for other shapes; ValueError for a label that is no class, and for a NaN,
/// which is larger than nothing. T is float or double.
template <class T>
Indices confusion_matrix(const Variable<T>& predictions, const IndexInput& labels);
/// Of predicted classes, [n] as the labels are. ValueError for one that is no class, and for no classes.
Indices confusion_matrix(const IndexInput& predicted, const IndexInput& labels, Count classes);

/// How the F1 scores of classes become one number: macro is their mean, each class as much as another; micro
/// is the F1 of the counts of all classes together, each sample as much as another, which is the accuracy.
enum class Average { macro, micro };

/// 2 TP / (2 TP + FP + FN) of each class, [classes]: the harmonic mean of precision and recall, where a
/// sample that is true of the class and predicted (TP), predicted alone (FP), true alone (FN) counts one. A
/// class that is neither has no score: it is NaN, and not 0. ShapeError for counts that are not square;
/// ValueError for a negative one.
Array<double> f1_scores(const IndexInput& confusion);

/// One number of them. The macro average is over the classes that are there, in labels or predictions, as
/// scikit-learn's is. NaN where no sample was counted. Errors as above.
double f1_score(const IndexInput& confusion, Average average = Average::macro);
/// Of predictions and labels as confusion_matrix takes them.
template <class T>
double f1_score(const Variable<T>& predictions, const IndexInput& labels, Average average = Average::macro) {
  return f1_score(confusion_matrix(predictions, labels), average);
}

/// The coefficient of determination, R2: 1 - sum (t - p)^2 / sum (t - mean(t))^2, the part of the targets'
/// variance that the predictions explain: 1 for right ones, 0 for as good as the mean, below 0 for worse.
/// Both are [n] or [n, k]; of k columns it is the mean of the columns' R2. NaN where a column of targets is
/// the same number throughout, as a single one is, for then there is nothing to explain; and where any number
/// is NaN. ShapeError for other shapes, and for two that differ: nothing broadcasts. T is float or double.
template <class T>
double r2_score(const Variable<T>& predictions, const Variable<T>& targets);
/// Targets as an Array or xtensor expression.
template <class T, xgrad::detail::Expression E>
double r2_score(const Variable<T>& predictions, E&& targets) {
  return r2_score(predictions, Variable<T>(xgrad::detail::make_dense<T>(std::forward<E>(targets))));
}

}  // namespace xgrad::train
