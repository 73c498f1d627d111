/** Whether cached objects are frozen. Tests switch it on, so that a mutation throws where it happens. */
let freezing = false;

export function setFreezeObjects(on: boolean): void {
  freezing = on;
}

export function freezesObjects(): boolean {
  return freezing;
}
