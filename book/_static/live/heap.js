/* A heap of numbers: the smallest comes out first, each step in time that grows with log(size). */
export class Heap {
  numbers = []; // numbers[i] <= numbers[2 i + 1] and numbers[2 i + 2]

  get size() {
    return this.numbers.length;
  }

  push(number) {
    const { numbers } = this;
    let at = numbers.push(number) - 1;
    for (let up; at > 0 && numbers[up = (at - 1) >> 1] > number; at = up) numbers[at] = numbers[up];
    numbers[at] = number;
  }

  pop() {
    const { numbers } = this;
    const [least] = numbers, number = numbers.pop();
    if (!numbers.length) return least;
    let at = 0;
    for (let down; (down = 2 * at + 1) < numbers.length; at = down) {
      if (numbers[down + 1] < numbers[down]) down += 1;
      if (numbers[down] >= number) break;
      numbers[at] = numbers[down];
    }
    numbers[at] = number;
    return least;
  }
}
